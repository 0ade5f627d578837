# Dalli against a fleet: clients/dalli.rb MODE KEYS SERVER...
# MODE is binary, meta, or sasl (binary with a login from MEMFLEET_TEST_USER).
require 'dalli'

mode = ARGV[0]
count = Integer(ARGV[1])
servers = ARGV.drop(2)
options = { namespace: "dalli-#{mode}", compress: false, socket_timeout: 20 }
options[:protocol] = :meta if mode == 'meta'
options[:username], options[:password] = ENV.fetch('MEMFLEET_TEST_USER').split(':') if mode == 'sasl'
client = Dalli::Client.new(servers, options)

def check(what, got, wanted)
  raise "#{what}: got #{got.inspect}, wanted #{wanted.inspect}" unless got == wanted
end

# Over the meta protocol, its get of one key takes the first end of a line in a value for the end of the value.
BYTES = (mode == 'meta' ? "\x00\xff\n\r" : "\x00\xff\r\n").b

def value_of(i)
  ["text ü #{i}", BYTES * (i % 50), i, [i], 'z' * 3000][i % 5]
end

keys = (0...count).map { |i| "key:#{i}" }
keys.each_with_index { |key, i| check('set', !!client.set(key, value_of(i)), true) }
keys.each_with_index { |key, i| check(key, client.get(key), value_of(i)) }
keys.each_slice(100).with_index do |part, slice|
  wanted = part.each_with_index.to_h { |key, i| [key, value_of(slice * 100 + i)] }
  check('get_multi', client.get_multi(part), wanted)
end
client.multi { keys.first(100).each { |key| client.set(key, 'again') } }
check('again', client.get_multi(keys.first(100)), keys.first(100).to_h { |key| [key, 'again'] })

check('add of what is there', client.add(keys[0], 'x'), false)
check('replace of what is not', client.replace('none', 'x') || nil, nil)
check('incr makes', client.incr('n', 5, 100, 10), 10)
check('incr', client.incr('n', 5), 15)
check('decr', client.decr('n', 100), 0)
check('incr of what is not', client.incr('none', 1), nil)
client.set('a', 'b', 0, raw: true)
check('append', client.append('a', 'c'), true)
check('prepend', client.prepend('a', 'a'), true)
check('appended', client.get('a', raw: true), 'abc')
check('cas', !!client.cas('a') { |value| "#{value}!" }, true)
check('gat', client.gat('a', 100), 'abc!')
check('fetch', client.fetch('fetched') { 'made' }, 'made')
check('fetched', client.get('fetched'), 'made')
check('touch', client.touch('a', 100), true)
value, cas = client.get_cas('a')
check('get_cas', value, 'abc!')
check('set_cas', client.set_cas('a', 'new', cas).is_a?(Integer), true)
check('set_cas with an old one', client.set_cas('a', 'newer', cas), false)
check('delete_cas with an old one', client.delete_cas('a', cas), false)
check('get_multi_cas', client.get_multi_cas('a', 'none').transform_values(&:first), { 'a' => 'new' })
if mode == 'meta'
  odd = 'a key with spaces and ü'
  check('set of an odd key', !!client.set(odd, 'odd'), true)
  check('an odd key', client.get_multi(odd), { odd => 'odd' })
  check('delete of an odd key', client.delete(odd), true)
  # A time below 0 is one of the far future in the binary protocol.
  check('touch with a time that is past', client.touch('fetched', -1), true)
  check('expired', client.get('fetched'), nil)
  check('set with a time that is past', !!client.set('fetched', 'x', -1), true)
  check('expired at once', client.get('fetched'), nil)
else
  check('delete', client.delete('fetched'), true)
end
%w[a n].each { |key| check('delete', client.delete(key), true) }
check('delete of what is not', client.delete('n'), false)
check('deleted', client.get('a'), nil)
check('stats', client.stats.values.count { |stats| stats['pid'] }, servers.length)
check('version', client.version.values.count { |version| version.start_with?('1.6.') }, servers.length)
puts "ok #{count}"
