// Opens a database and closes it, or says why it could not.

import { SimpleDB } from 'kimdb/hyperscale';

try {
  new SimpleDB(JSON.parse(process.argv[2])).close();
  console.log('open');
} catch (error) {
  console.log(error.code);
}
