// What a connection stores: a session of 300 bytes of JSON, which tells whose it is and which write it comes from.

export const SESSION_BYTES = 300;

/** The text of the session that the connection `number` stores with its write `sequence`. */
export function sessionText(number, sequence) {
  const start = `{"connection":${number},"sequence":${sequence},"user":"user${number}@example.com","roles":["member"],"token":"`;
  const filling = SESSION_BYTES - start.length - 2;
  return `${start}${`${number}.${sequence}.`.padEnd(filling, 'abcdefghijklmnopqrstuvwxyz0123456789')}"}`;
}

export const sessionId = (number) => `session${number}`;
