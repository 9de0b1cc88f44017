/** What Node's datagrams cost by themselves: every query comes back with QR set. The first argument is the port. */
import { createSocket } from 'node:dgram';

const socket = createSocket({ type: 'udp4', reusePort: true });
socket.on('message', (message, { address, port }) => {
  message[2] = (message[2] ?? 0) | 0x80;
  socket.send(message, port, address, () => {});
});
socket.bind(Number(process.argv[2]), '127.0.0.1');
