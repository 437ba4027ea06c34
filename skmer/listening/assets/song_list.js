// The list of songs: one list box, of which filters and an order show a part.

class SongList {
  /** `describe(song)` returns the parts of a row, `mark(song)` what was decided; `onSelect` is called with a song. */
  constructor(place, songs, { describe, mark, onSelect }) {
    Object.assign(this, { place, songs, describe, mark, onSelect, selected: null });
    this.rows = songs.map((song) => this.makeRow(song));
    this.shown = songs.map((song, i) => i);
    place.replaceChildren(...this.rows);
    place.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.select(this.rows.indexOf(row));
    });
    place.addEventListener("keydown", (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
      if (keyIsTaken(event) || !(event.key in steps)) return;
      event.preventDefault();
      this.step(steps[event.key]);
    });
  }

  makeRow(song) {
    const strip = h("span", { class: "strip", style: song.strip ? `background:${song.strip}` : null });
    const mark = h("span", { class: "mark" }, this.mark(song));
    const [, folder, name] = song.name.match(/^(.*?)([^/\\]*)$/s);
    const title = h("span", { class: "name", title: song.name }, name, h("small", {}, folder));
    const parts = [title, mark, h("span", { class: "what" }, ...this.describe(song)), strip];
    return h("div", { role: "option", class: "row", id: `song-${song.index}`, "aria-selected": "false" }, ...parts);
  }

  /** Show the songs for which `fits(song)` is true, in the order of `compare` if it is given. */
  filter(fits, compare = null) {
    this.shown = this.songs.map((song, i) => i).filter((i) => fits(this.songs[i]));
    if (compare) this.shown.sort((i, k) => compare(this.songs[i], this.songs[k]) || i - k);
    // one change of the document, whatever the number of rows
    this.place.replaceChildren(...this.shown.map((i) => this.rows[i]));
    this.point();
  }

  update(song) {
    this.rows[song.index].querySelector(".mark").textContent = this.mark(song);
  }

  /** Go `n` rows down the shown songs; return whether there was one. */
  step(n) {
    if (!this.shown.length) return false;
    const at = this.shown.indexOf(this.selected);
    const to = at < 0 ? 0 : Math.min(this.shown.length - 1, Math.max(0, at + n));
    if (to === at) return false;
    this.select(this.shown[to]);
    return true;
  }

  select(i) {
    this.rows[this.selected]?.setAttribute("aria-selected", "false");
    this.selected = i;
    this.rows[i].setAttribute("aria-selected", "true");
    this.point();
    this.reveal(this.rows[i]);
    this.onSelect(this.songs[i]);
  }

  /** Tell a screen reader which row is active. */
  point() {
    if (this.shown.includes(this.selected)) this.place.setAttribute("aria-activedescendant", `song-${this.selected}`);
    else this.place.removeAttribute("aria-activedescendant");
  }

  /** Scroll within the list only: the page stays where it is. */
  reveal(row) {
    const { place } = this;
    if (place.scrollHeight <= place.clientHeight || !row.isConnected) return;
    const [outer, inner] = [place.getBoundingClientRect(), row.getBoundingClientRect()];
    if (inner.top < outer.top) place.scrollTop -= outer.top - inner.top;
    else if (inner.bottom > outer.bottom) place.scrollTop += inner.bottom - outer.bottom;
  }
}
