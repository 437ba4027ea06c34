// What a listener decided on the labels of songs: kept in the browser, saved as a table, and read from one.

const KEPT = "kept";
const CHANGED = "changed";
const UNSURE = "unsure";
const LEFT_OUT = "left out";

class Decisions {
  constructor(content) {
    this.content = content;
    this.store = new Store(content.id);
    Object.assign(this, { of: {}, who: "", saved: true, goOn: false, last: [] });
    this.reload();
  }

  /** Take what the browser keeps, which another tab of this page may have changed. */
  reload() {
    // where it keeps nothing, decisions are here only
    if (!this.store.works) return;
    const { of = {}, who = "", saved = true, goOn = false } = this.store.load();
    if (!this.store.works) return;
    const names = new Set(this.content.songs.map((song) => song.name));
    this.of = Object.fromEntries(Object.entries(of).filter(([name]) => names.has(name)));
    Object.assign(this, { who, saved, goOn });
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
    this.reload();
    this.last.push([song, this.get(song)]);
    const when = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    this.of[song.name] = { what, label, who: this.who, when };
    return this.keep(false);
  }

  /** Take the last decision back; return its song, or null. */
  undo() {
    const [song, before] = this.last.pop() ?? [null, null];
    if (!song) return null;
    this.reload();
    if (before) this.of[song.name] = before;
    else delete this.of[song.name];
    this.keep(false);
    return song;
  }

  /** Decisions that were made before the name was known have it, too. */
  rename(who) {
    this.reload();
    this.who = who;
    for (const own of Object.values(this.of)) own.who ||= who;
    this.keep(this.saved);
  }

  keep(saved) {
    this.saved = saved;
    return this.store.keep({ of: this.of, who: this.who, saved, goOn: this.goOn });
  }

  count(what) {
    return Object.values(this.of).filter((own) => own.what === what).length;
  }

  /** The table that `skmer train --labels` reads. Songs that are left out have no label there. */
  table() {
    const { songs, names, grouped, unknown, kind } = this.content;
    const group = (value) => (grouped ? [value] : []);
    const rows = [["path", "label", ...group("group"), "old_label", "decision", "rater", "when"]];
    for (const song of songs) {
      const own = this.get(song);
      const predicted = kind === "emotions";
      if (predicted && !own) continue;
      // a prediction that nobody has confirmed is no label
      const none = own?.what === LEFT_OUT || (predicted && own.what === UNSURE);
      const labels = [none ? "" : names[this.label(song)], ...group(song.group), names[song.label]];
      rows.push([song.name, ...labels, own?.what, own?.who, own?.when]);
    }
    for (const [name, label, of] of unknown ?? []) rows.push([name, label, ...group(of), label, "", "", ""]);
    return writeCsv(rows);
  }

  save() {
    this.reload();
    const who = this.who.trim().replace(/[^\p{L}\p{N}]+/gu, "-");
    saveFile(`checked-labels${who && `-${who}`}.csv`, this.table());
    this.keep(true);
  }

  /** Take the decisions of a saved table, unless those here are later; return the number that were taken. */
  open(text) {
    const { songs, names } = this.content;
    const known = new Map(songs.map((song) => [song.name, song]));
    let n = 0;
    this.reload();
    for (const { path, label: name, decision, rater: who = "", when = "" } of readCsv(text)) {
      const [song, label] = [known.get(path), names.indexOf(name)];
      const decided = label >= 0 ? [KEPT, CHANGED, UNSURE] : [UNSURE, LEFT_OUT];
      if (!song || !decided.includes(decision) || this.get(song)?.when > when) continue;
      const is = [KEPT, CHANGED].includes(decision) ? (label === song.label ? KEPT : CHANGED) : decision;
      this.last.push([song, this.get(song)]);
      this.of[song.name] = { what: is, label: label < 0 ? song.label : label, who, when };
      n += 1;
    }
    this.keep(this.saved);
    return n;
  }
}
