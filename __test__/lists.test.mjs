// Texts of whole collections become documents.

import { createRequire } from 'node:module';
import test from 'ava';

const { takeList } = createRequire(import.meta.url)('../lib/lists.js');

/** What is made of these texts. */
async function take(t, ...texts) {
  let isEnded = false;
  const source = {
    nextText: () => texts.shift() ?? null,
    endTexts: () => {
      isEnded = true;
    },
  };
  try {
    return await takeList(source, 1, undefined, 'users');
  } finally {
    t.true(isEnded, 'or what is left would be kept for ever');
  }
}

test('documents of all texts, in their order', async (t) => {
  t.deepEqual(await take(t), []);
  t.deepEqual(await take(t, '["a",{"x":[1,{}]},1,"b",null,2,2]', '["c","text",3,1]'), [
    { id: 'a', data: { x: [1, {}] }, _version: 1 },
    { id: 'b', data: null, _version: 2 },
    { id: 'c', data: 'text', _version: 3 },
  ]);
});

test('what another program made something else than one JSON value is told', async (t) => {
  for (const data of ['1,2', '', ' ', '[1', '1]', '1,2,"x",3', '[0],"c",1,6']) {
    const error = await t.throwsAsync(take(t, `["a",0,1,1]`, `["b",${data},1,"c",2,1,2]`), undefined, data);
    t.like(error, { name: 'KimDBError', code: 'KIMDB_CORRUPT', collection: 'users' }, data);
    t.is(
      error.message,
      `a document of the collection "users" is not valid JSON in its shard file; correct or delete its row, which 'npx kimdb verify' names`,
    );
  }
});
