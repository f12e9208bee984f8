// Prints rows of [name, text] as a table.
export function printTable(rows) {
  const left = Math.max(...rows.map(([name]) => name.length));
  const right = Math.max(...rows.map(([, text]) => text.length));
  const line = (a, b, c) => `${a}${'─'.repeat(left + 2)}${b}${'─'.repeat(right + 2)}${c}`;
  console.log(line('┌', '┬', '┐'));
  for (const [name, text] of rows) console.log(`│ ${name.padEnd(left)} │ ${text.padStart(right)} │`);
  console.log(line('└', '┴', '┘'));
}
