/** dns2's own server with the same names, the simplest honest way: the first argument is the port. */
import { createHash } from 'node:crypto';
import dns2 from 'dns2';
import { benchOrigin, hostCount, sides } from './queries.ts';

const { Packet } = dns2;
const addressByName = new Map(
  Array.from({ length: hostCount }, (_, host) => [`host-${host}.${benchOrigin}`, `198.51.${host >> 8}.${host & 0xff}`]),
);
addressByName.set(`ns.${benchOrigin}`, '192.0.2.53');

const server = dns2.createServer({
  udp: true,
  handle: (request, send, from) => {
    const response = Packet.createResponseFromRequest(request);
    const name = request.questions[0]?.name.toLowerCase() ?? '';
    response.header.aa = 1;
    const address = addressByName.get(name) ?? side(name, 'port' in from ? from.address : '');
    const record = { name, type: Packet.TYPE.A, class: Packet.CLASS.IN, ttl: 30, address };
    // Its types want a Resource, its examples push plain objects.
    response.answers.push(record as (typeof response.answers)[number]);
    send(response);
  },
});
await server.listen({ udp: { port: Number(process.argv[2]), address: '127.0.0.1' } });

/** By the name for devices, else by who asks; it takes the address of the resolver, not the subnet in its query. */
function side(name: string, asker: string): string {
  const key = name.includes('.d.') ? name : asker;
  return createHash('md5').update(key).digest().readUInt32BE(0) < 2 ** 31 ? sides[0] : sides[1];
}
