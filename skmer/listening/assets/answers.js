// What one rater answered: kept in the browser song by song, saved as a table, and read from one.

const LABELLED = "labelled";
const UNSURE = "unsure";
const SKIPPED = "skipped";
const NOTHING = "nothing to rate";

class Answers {
  constructor(content, rater) {
    Object.assign(this, { content, rater, last: [] });
    // a store for each song: with every rating the browser writes one song, not all
    this.stores = content.songs.map((song) => new Store(`${content.id}:${song.index}:${rater}`));
    this.of = this.stores.map((store) => store.load());
    this.state = new Store(`${content.id}::${rater}`);
    this.saved = this.state.load().saved ?? true;
  }

  /** Whether the browser keeps what it was given. */
  get works() {
    return this.state.works && this.stores.every((store) => store.works);
  }

  get(song) {
    return this.of[song.index];
  }

  set(song, answer) {
    this.of[song.index] = answer;
    this.stores[song.index].keep(answer);
    // what did not fit before may fit now
    this.stores.forEach((store, i) => store.works || store.keep(this.of[i]));
    this.mark(false);
  }

  /** Take what another tab of this page keeps under a key; return whether it is of this rater, and its song. */
  follow(key) {
    if (key === this.state.key) this.saved = this.state.load().saved ?? this.saved;
    const i = this.stores.findIndex((store) => store.key === key);
    // where the browser keeps nothing, the answer is here only
    if (i >= 0 && this.stores[i].works) this.of[i] = this.stores[i].load();
    return [key === this.state.key || i >= 0, this.content.songs[i] ?? null];
  }

  mark(saved) {
    if (saved === this.saved && this.state.works) return;
    this.saved = saved;
    this.state.keep({ saved });
  }

  /** Remember the answer to a song, so that `undo` returns to it. */
  remember(song) {
    this.last.push([song, structuredClone(this.get(song))]);
  }

  undo() {
    const [song, before] = this.last.pop() ?? [null, null];
    if (song) this.set(song, before);
    return song;
  }

  // Labels

  choose(song, what, label = null) {
    this.remember(song);
    this.set(song, { what, label, when: new Date().toISOString().replace(/\.\d+Z$/, "Z") });
  }

  // Ratings: for each target, a list whose item i is the rating of the half second that ends at (i + 1) * step

  curves(song) {
    return this.get(song).curves ?? this.content.names.map(() => []);
  }

  /** The number of half seconds of a song that are to be rated; null as long as its length is not known. */
  steps(song) {
    const length = song.seconds ?? this.get(song).seconds;
    if (!length) return null;
    const { seconds, step } = this.content;
    return Math.floor(Math.min(length, seconds ?? Infinity) / step + 1e-3);
  }

  rate(song, curves) {
    this.set(song, { ...this.get(song), curves });
    this.measure(song, song.seconds);
  }

  /** Keep the length of a song with its ratings: whether it is done is then known before it is opened again. */
  measure(song, seconds) {
    song.seconds = seconds;
    const answer = this.get(song);
    if (!answer.curves || !seconds || answer.seconds === seconds) return;
    answer.seconds = seconds;
    this.stores[song.index].keep(answer);
  }

  /** The half seconds of a song in which every target is rated. */
  rated(song) {
    const [first, ...others] = this.curves(song);
    const n = this.steps(song) ?? Infinity;
    const is = (value) => value !== null && value !== undefined;
    return first.map((value, i) => i).filter((i) => i < n && is(first[i]) && others.every((curve) => is(curve[i])));
  }

  /** The first half second that is not rated, or null. */
  gap(song) {
    const [n, rated] = [this.steps(song), this.rated(song)];
    const i = rated.findIndex((value, k) => value !== k);
    const first = i < 0 ? rated.length : i;
    return n !== null && first < n ? first : null;
  }

  /** What a song is: undone, or one of the words of the filter. */
  status(song) {
    if (this.content.kind === "labels") return this.get(song).what ?? "undone";
    // shorter than half a second, or no sound that this browser plays
    if (this.steps(song) === 0 || song.unplayable) return NOTHING;
    if (!this.curves(song).some((curve) => curve.length)) return "undone";
    return this.steps(song) !== null && this.gap(song) === null ? "done" : "begun";
  }

  isDone(song) {
    return !["undone", "begun"].includes(this.status(song));
  }

  // Tables

  table() {
    const { kind, grouped } = this.content;
    const group = (value) => (grouped ? [value] : []);
    return writeCsv(kind === "labels" ? this.labelRows(group) : this.ratingRows(group));
  }

  labelRows(group) {
    const { songs, names } = this.content;
    const rows = [["path", "label", ...group("group"), "decision", "rater", "when"]];
    for (const song of songs) {
      const { what, label, when } = this.get(song);
      if (what) rows.push([song.name, names[label] ?? "", ...group(song.group), what, this.rater, when]);
    }
    return rows;
  }

  ratingRows(group) {
    const { songs, names, step } = this.content;
    const rows = [["path", "time", ...names, ...group("group"), "rater"]];
    for (const song of songs) {
      const curves = this.curves(song);
      const n = Math.max(...curves.map((curve) => curve.length));
      for (let i = 0; i < n; i += 1) {
        const values = curves.map((curve) => curve[i] ?? null);
        if (values.every((value) => value === null)) continue;
        rows.push([song.name, ((i + 1) * step).toFixed(1), ...values, ...group(song.group), this.rater]);
      }
    }
    return rows;
  }

  save() {
    const who = this.rater.replace(/[^\p{L}\p{N}]+/gu, "-");
    saveFile(`${this.content.kind}-${who}.csv`, this.table());
    this.mark(true);
  }

  /** Take the answers of a saved table: return the songs that it has answers to, and the names of other raters in it. */
  open(text) {
    const songs = new Map(this.content.songs.map((song) => [song.name, song]));
    const [found, others] = [new Map(), new Set()];
    for (const row of readCsv(text)) {
      const song = songs.get(row.path);
      if (!song) continue;
      if (row.rater !== this.rater) {
        if (row.rater) others.add(row.rater);
        continue;
      }
      const answer = found.get(song) ?? structuredClone(this.get(song));
      const read = this.content.kind === "labels" ? this.readLabel(row, answer) : this.readRatings(row, answer);
      if (read) found.set(song, read);
    }
    const { saved } = this;
    for (const [song, answer] of found) {
      this.remember(song);
      this.set(song, answer);
    }
    // what was saved, and only read again, needs no saving
    if (saved) this.mark(true);
    return [[...found.keys()], [...others]];
  }

  readLabel({ label: name, decision, when }, own) {
    const label = this.content.names.indexOf(name);
    // a table of other pages has a label beside "unsure", too
    const what = label >= 0 && ![UNSURE, SKIPPED].includes(decision) ? LABELLED : decision;
    // the later answer counts
    if (![LABELLED, UNSURE, SKIPPED].includes(what) || (label < 0 && what === LABELLED) || own.when > when) return null;
    return { what, label: what === LABELLED ? label : null, when };
  }

  readRatings(row, own) {
    const { names, step, limits } = this.content;
    const i = Math.round(row.time / step) - 1;
    if (!row.time || !(i >= 0 && i < 1e6) || Math.abs((i + 1) * step - row.time) > 0.01) return null;
    const curves = own.curves ?? names.map(() => []);
    names.forEach((name, k) => {
      const value = Number(row[name]);
      if (row[name] && limits[0] <= value && value <= limits[1]) setItem(curves[k], i, value);
    });
    return { ...own, curves };
  }
}

/** Set an item of a list; items before it that are not there become null. */
function setItem(list, i, value) {
  while (list.length < i) list.push(null);
  list[i] = value;
}

/** Songs in an order that a name decides, so that it can be had again, and that other names do not share. */
function shuffledFor(rater, songs) {
  const places = songs.map((song) => hash(`${rater.toLowerCase()}\n${song.name}`));
  return (a, b) => places[a.index] - places[b.index];
}

/** A number from a text in which every character changes all bits (FNV-1a, then mixed). */
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) value = Math.imul(value ^ (value >>> 15), factor);
  return (value ^ (value >>> 16)) >>> 0;
}
