// The section of the READMEs, which are in two languages.

const TEXTS = {
  en: ({ machine: { cpu, date, commit } }) => `## How fast

![Throughput of kimdb, kimdb 7.6.1, lmdb, better-sqlite3 and classic-level](./benchmark/results/throughput.svg)

Measured on ${date.slice(0, 10)} at commit ${commit}, ${cpu}. [docs/performance.md](./docs/performance.md) has all
figures, latencies, settings, and how they were measured.`,
  ko: ({ machine: { cpu, date, commit } }) => `## 성능

![kimdb, kimdb 7.6.1, lmdb, better-sqlite3, classic-level의 처리량](./benchmark/results/throughput.svg)

측정일 ${date.slice(0, 10)}, 커밋 ${commit}, ${cpu.replace(/ cores$/, '코어')}. 전체 수치와 지연 시간, 설정, 측정 방법은
[docs/performance.md](./docs/performance.md)에 있습니다.`,
};

export const readmeSection = (report, language) => TEXTS[language](report);
