// Opens the connections.
import { HttpConnection } from './http.mjs';
import { SocketConnection } from './socket.mjs';
import { User } from './user.mjs';

/** So many at a time: the system's queue of new connections is bounded. */
const AT_ONCE = 100;

/** Half of the users come over HTTP, half over WebSocket. */
export async function connectAll(port, count, onAnswer) {
  const users = new Array(count);
  let next = 0;
  const open = async () => {
    while (next < count) {
      const number = next++;
      const Connection = number % 2 === 0 ? HttpConnection : SocketConnection;
      users[number] = new User(number, await Connection.open(port, number), onAnswer);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  return users;
}
