// What the pages share: filters of the list, going through it, and keys.

/**
 * Filter and sort the list where a field changes; return the function that does it.
 *
 * Names and groups are filtered here, and the rest by `fits(song, value)`, where `value(id)` is that of a field;
 * `orders()` returns comparisons by their names, and `list()` the list.
 */
function addFilters(songs, list, fits, orders) {
  const value = (id) => byId(id)?.value ?? "";
  const filter = () => {
    const [text, group] = [value("by-name").trim().toLocaleLowerCase(), value("by-group")];
    const named = (song) => !text || song.name.toLocaleLowerCase().includes(text);
    const grouped = (song) => group === "" || song.group === group;
    list().filter((song) => named(song) && grouped(song) && fits(song, value), orders()[value("order")] ?? null);
    const n = list().shown.length;
    byId("shown").textContent = n === songs.length ? count(n, "song") : `${n} of ${count(songs.length, "song")}`;
  };
  const groups = [...new Set(songs.map((song) => song.group).filter((group) => group !== null))].sort();
  byId("by-group")?.append(...groups.map((group) => h("option", { value: group }, group)));
  for (const field of byId("filters").querySelectorAll("input, select")) field.addEventListener("input", filter);
  byId("filters").addEventListener("reset", () => setTimeout(filter));
  return filter;
}

/** Go through the list by buttons, and play on where a song is playing; return the function of the number of rows. */
function addSteps(list, player) {
  const step = (n) => {
    const plays = player.playing;
    if (!list().step(n)) return announce(n > 0 ? "This is the last song." : "This is the first song.");
    if (plays) player.play();
  };
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  return step;
}

/** Call a function of `keys` when its key is pressed, while `acts()` is true. */
function addKeys(keys, acts) {
  addEventListener("keydown", (event) => {
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.defaultPrevented || !acts() || !byId("use-keys").checked || keyIsTaken(event)) return;
    event.preventDefault();
    act();
  });
  // a button that was clicked does not take the space bar from the player
  byId("panel").addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());
  // nor does a box, unless the keyboard is on it
  byId("panel").addEventListener("change", ({ target }) => {
    if (target.matches("[type=checkbox]:not(:focus-visible)")) target.blur();
  });
}

/** On a narrow screen the song is above the list: show it when it is chosen there. */
function showChosen() {
  byId("list").addEventListener("click", () => {
    if (byId("panel").getBoundingClientRect().top < 0) byId("panel").scrollIntoView();
  });
}
