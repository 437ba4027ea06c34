// Tables separated by commas, as RFC 4180 describes them.

/** Return rows of values as text. */
function writeCsv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

/** Return an object for each row of a table, whose keys are the titles of the columns. */
function readCsv(text) {
  const rows = [[]];
  const pattern = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n|\n|\r|$)/gy;
  const body = text.replace(/^\ufeff/, "");
  for (let match; pattern.lastIndex < body.length && (match = pattern.exec(body)); ) {
    const [, cell, end] = match;
    rows.at(-1).push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== ",") rows.push([]);
    else if (pattern.lastIndex === body.length) rows.at(-1).push("");
  }
  const [titles, ...others] = rows.filter((row) => row.length && row.some((cell) => cell !== ""));
  return (titles ? others : []).map((row) => Object.fromEntries(titles.map((title, i) => [title, row[i] ?? ""])));
}
