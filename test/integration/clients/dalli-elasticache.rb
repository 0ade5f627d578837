# Dalli with its servers found as dalli-elasticache finds them: clients/dalli-elasticache.rb ENDPOINT KEYS
# The gem's way of reading an answer is written out, because Debian does not have the gem.
require 'dalli'
require 'socket'

endpoint = ARGV[0].match(/^([-_.a-zA-Z0-9]+|\[(?:[a-fA-F0-9:]+)\])(?::(\d+))?$/)
count = Integer(ARGV[1])

def ask(endpoint, command)
  socket = TCPSocket.new(endpoint[1], endpoint[2])
  socket.puts command
  data = ''.dup
  until (line = socket.readline).include?('END')
    data << line
  end
  data
ensure
  socket.close
end

version = ask(endpoint, 'stats')[/^STAT version ([0-9.]+|unknown)\s*/, 1]
raise "version: got #{version.inspect}" unless Gem::Version.new(version) >= Gem::Version.new('1.4.14')

answer = ask(endpoint, 'config get cluster').match(/^CONFIG cluster 0 (\d+)\r\n(\d+)\n((?:[^\n]+))\n/)
servers = answer[3].split.map do |node|
  host, _ip, port = node.match(/^([-.a-zA-Z0-9]+)\|(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\|(\d+)/).captures
  "#{host}:#{port}"
end
raise "size: got #{answer[1]}" unless Integer(answer[1]) == "#{answer[2]}\n#{answer[3]}\n".bytesize

client = Dalli::Client.new(servers, namespace: 'found', socket_timeout: 20)
keys = (0...count).map { |i| "key:#{i}" }
keys.each { |key| client.set(key, key) }
wrong = keys.reject { |key| client.get(key) == key }
raise "#{wrong.length} keys are wrong" unless wrong.empty?
puts "ok #{servers.length}"
