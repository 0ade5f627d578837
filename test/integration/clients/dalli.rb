# Dalli (binary protocol) against a fleet: clients/dalli.rb KEYS SERVER...
require 'dalli'

count = Integer(ARGV[0])
servers = ARGV.drop(1)
client = Dalli::Client.new(servers, namespace: 'dalli', compress: false, socket_timeout: 20)

def check(what, got, wanted)
  raise "#{what}: got #{got.inspect}, wanted #{wanted.inspect}" unless got == wanted
end

def value_of(i)
  ["text ü #{i}", "\x00\xff\r\n".b * (i % 50), i, [i], 'z' * 3000][i % 5]
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
check('replace of what is not', client.replace('none', 'x'), 0)
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
check('touch', client.touch('a', 100), true)
check('fetch', client.fetch('fetched') { 'made' }, 'made')
check('fetched', client.get('fetched'), 'made')
%w[a n fetched].each { |key| check('delete', client.delete(key), true) }
check('deleted', client.get('a'), nil)
check('stats', client.stats.values.count { |stats| stats['pid'] }, servers.length)
check('version', client.version.values.count { |version| version.start_with?('1.6.') }, servers.length)
puts "ok #{count}"
