/** version, verbosity, quit, shutdown and the administrator's commands. The answers are those of memcached 1.6.45. */
import type { WireTable } from '../cases.ts';

export const control: WireTable = {
  topic: 'control',
  cases: [
    {
      name: 'version',
      send: 'version\r\n',
      expect: /^VERSION \d+\.\d+\.\d+\r\n$/,
    },
    {
      name: 'version takes any words',
      send: 'version a b c\r\n version \r\nversion noreply\r\n',
      expect: /^VERSION \d+\.\d+\.\d+\r\nERROR\r\nVERSION \d+\.\d+\.\d+\r\n$/,
      since: '1.6.45',
      before: { expect: /^VERSION \d+\.\d+\.\d+\r\nVERSION \d+\.\d+\.\d+\r\nVERSION \d+\.\d+\.\d+\r\n$/ },
      ours: {
        expect: /^VERSION \d+\.\d+\.\d+\r\nVERSION \d+\.\d+\.\d+\r\nVERSION \d+\.\d+\.\d+\r\n$/,
        why: 'spaces in front of a command are skipped',
      },
    },
    {
      name: 'version with a line feed alone',
      send: 'version\n',
      expect: /^VERSION \d+\.\d+\.\d+\r\n$/,
    },
    {
      name: 'commands are lower case and whole words',
      send: 'VERSION\r\nversio\r\nversionx\r\nversion\t\r\n',
      expect: 'ERROR\r\nERROR\r\nERROR\r\nERROR\r\n',
    },
    {
      name: 'verbosity',
      send: 'verbosity 0\r\nverbosity 1\r\nverbosity 0\r\n',
      expect: 'OK\r\nOK\r\nOK\r\n',
    },
    {
      name: 'verbosity without a level',
      send: 'verbosity\r\n',
      expect: 'CLIENT_ERROR bad command line format\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\n' },
    },
    {
      name: 'verbosity with what is no level',
      send: 'verbosity x\r\nverbosity -1\r\nverbosity 1x\r\nverbosity \t\r\n',
      expect:
        'CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n',
    },
    {
      name: 'verbosity with noreply',
      send: 'verbosity 0 noreply\r\nverbosity noreply\r\nverbosity x noreply\r\n',
      expect: '',
    },
    {
      name: 'verbosity with too many words',
      send: 'verbosity 0 1 2\r\nverbosity 0 0 0 0\r\n',
      expect: 'OK\r\nOK\r\n',
      since: '1.6.45',
      before: { expect: 'ERROR\r\nERROR\r\n' },
    },
    {
      name: 'verbosity ignores another last word',
      send: 'verbosity 0 1\r\n',
      expect: 'OK\r\n',
    },
    {
      name: 'quit closes',
      send: 'quit\r\n',
      expect: '',
      closes: true,
    },
    {
      name: 'quit takes any words',
      send: 'quit a b\r\n',
      expect: '',
      closes: true,
    },
    {
      name: 'quit with noreply',
      send: 'quit noreply\r\n',
      expect: '',
      closes: true,
    },
    {
      name: 'quit with a line feed alone',
      send: 'quit\n',
      expect: '',
      closes: true,
    },
    {
      name: 'what came before quit is answered, what comes behind is not',
      send: 'set a 0 0 1\r\n1\r\nget a\r\nquit\r\nget a\r\n',
      expect: 'STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n',
      closes: true,
    },
    {
      name: 'shutdown without -A',
      send: 'shutdown\r\nshutdown graceful\r\nshutdown x\r\n',
      expect:
        'SERVER_ERROR: shutdown not enabled\r\nSERVER_ERROR: shutdown not enabled\r\nSERVER_ERROR: shutdown not enabled\r\n',
      since: '1.6.45',
      before: {
        expect: 'ERROR: shutdown not enabled\r\nERROR: shutdown not enabled\r\nERROR: shutdown not enabled\r\n',
      },
    },
    {
      name: 'shutdown with other words under -A',
      send: 'shutdown x\r\nshutdown graceful x\r\nshutdown noreply\r\n',
      expect: 'CLIENT_ERROR invalid shutdown mode\r\nCLIENT_ERROR invalid shutdown mode\r\n',
      since: '1.6.45',
      before: {
        expect:
          'CLIENT_ERROR invalid shutdown mode\r\nCLIENT_ERROR invalid shutdown mode\r\nCLIENT_ERROR invalid shutdown mode\r\n',
      },
      flags: ['-A'],
    },
    {
      name: 'debug commands that a release does not have',
      send: 'misbehave\r\ndebugtime 1\r\n',
      expect: 'ERROR\r\nERROR\r\n',
    },
  ],
};
