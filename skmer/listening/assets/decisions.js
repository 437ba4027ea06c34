// What a listener decided on the labels of songs: kept in the browser, saved as a table, and read from one.

const KEPT = "kept";
const CHANGED = "changed";
const UNSURE = "unsure";
const LEFT_OUT = "left out";

class Decisions {
  constructor(content) {
    this.content = content;
    this.store = new Store(content.id);
    const { of = {}, who = "", saved = true } = this.store.load();
    const names = new Set(content.songs.map((song) => song.name));
    this.of = Object.fromEntries(Object.entries(of).filter(([name]) => names.has(name)));
    Object.assign(this, { who, saved, last: [] });
  }

  get(song) {
    return this.of[song.name] ?? null;
  }

  /** The label of a song as decided, as a position among the classes. */
  label(song) {
    return this.get(song)?.label ?? song.label;
  }

  /** Decide on a song; return whether the browser keeps it. */
  set(song, what, label = song.label) {
    this.last.push([song, this.get(song)]);
    const when = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    this.of[song.name] = { what, label, who: this.who, when };
    return this.keep(false);
  }

  /** Take the last decision back; return its song, or null. */
  undo() {
    const [song, before] = this.last.pop() ?? [null, null];
    if (!song) return null;
    if (before) this.of[song.name] = before;
    else delete this.of[song.name];
    this.keep(false);
    return song;
  }

  rename(who) {
    this.who = who;
    this.keep(this.saved);
  }

  keep(saved) {
    this.saved = saved;
    return this.store.keep({ of: this.of, who: this.who, saved });
  }

  count(what) {
    return Object.values(this.of).filter((own) => own.what === what).length;
  }

  /** The table that `skmer train --labels` reads. Songs that are left out have no line. */
  table() {
    const { songs, names, grouped, unknown, kind } = this.content;
    const group = (value) => (grouped ? [value] : []);
    const rows = [["path", "label", ...group("group"), "old_label", "decision", "rater", "when"]];
    for (const song of songs) {
      const own = this.get(song);
      // a prediction that nobody has confirmed is no label
      if (own?.what === LEFT_OUT || (kind === "emotions" && ![KEPT, CHANGED].includes(own?.what))) continue;
      const labels = [names[this.label(song)], ...group(song.group), names[song.label]];
      rows.push([song.name, ...labels, own?.what, own?.who, own?.when]);
    }
    for (const [name, label, of] of unknown ?? []) rows.push([name, label, ...group(of), label, "", "", ""]);
    return writeCsv(rows);
  }

  save() {
    const who = this.who.trim().replace(/[^\p{L}\p{N}]+/gu, "-");
    saveFile(`labels${who && `-${who}`}.csv`, this.table());
    this.keep(true);
  }

  /** Take the decisions of a saved table; return their number. */
  open(text) {
    const songs = new Map(this.content.songs.map((song) => [song.name, song]));
    let n = 0;
    for (const row of readCsv(text)) {
      const [song, label] = [songs.get(row.path), this.content.names.indexOf(row.label)];
      if (!song || !row.decision || label < 0) continue;
      this.of[song.name] = { what: row.decision, label, who: row.rater ?? "", when: row.when ?? "" };
      n += 1;
    }
    this.keep(this.saved);
    return n;
  }
}
