// Counts the preview's conditions in DuckDB: the tables are read into memory
// once, then each form of the query runs for every constant. One JSON line.
// node count.mjs FOLDER THREADS, with FOLDER/{people,events}.parquet and
// FOLDER/constants.json.
import { DuckDBInstance } from '@duckdb/node-api';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const [folder, threads] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads });
const db = await instance.connect();
const before = process.memoryUsage().rss;
await db.run(`create table people as select * from read_parquet('${folder}/people.parquet')`);
await db.run(`create table events as select * from read_parquet('${folder}/events.parquet')`);
await db.run(`create table lists as
  select p.*, e.slots, e.counts from people p left join
  (select id, list(slot order by slot) slots, list(n order by slot) counts from events group by id) e using (id)`);
const rss = process.memoryUsage().rss - before;

const where = (c) => `p.country = '${c.country}' and p.ltv between ${c.low} and ${c.high}
  and p.last_seen >= ${c.since} and p.member`;
const forms = {
  'sum of a join': (c) => `select count(*) from (select p.id from people p join events e using (id)
    where ${where(c)} and e.slot >= ${c.slot} group by p.id having sum(e.n) >= ${c.least})`,
  'semi-join': (c) => `select count(*) from people p where ${where(c)} and p.id in
    (select id from events where slot >= ${c.slot} group by id having sum(n) >= ${c.least})`,
  'lists in the row': (c) => `select count(*) from lists p where ${where(c)} and
    list_sum(list_transform(p.slots, (s, i) -> case when s >= ${c.slot} then p.counts[i] else 0 end)) >= ${c.least}`,
};

const constants = JSON.parse(readFileSync(`${folder}/constants.json`));
const out = [];
for (const [name, query] of Object.entries(forms)) {
  const times = [], counts = [];
  for (const [i, c] of [constants[0], ...constants].entries()) {
    const start = performance.now();
    const rows = (await db.runAndReadAll(query(c))).getRows();
    if (i > 0) { // the first run warms up
      times.push(performance.now() - start);
      counts.push(Number(rows[0][0]));
    }
  }
  out.push({ name, times, counts });
}
console.log(JSON.stringify({ rss, forms: out }));
