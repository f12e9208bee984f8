// The same classes as `require('kimdb')` gives, never a second copy.
import SimpleDB from './index.js';

export default SimpleDB;
export { SimpleDB };
export const { HyperScaleDB, KimDBError } = SimpleDB;
