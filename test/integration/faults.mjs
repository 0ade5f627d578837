// Loaded into a daemon before its own code: a fault of the kind that nobody foresees, once it serves.
setTimeout(() => {
  throw new Error('a fault for the test');
}, 300);
