// The listening page: songs, the curves of one of them, its player, and decisions on labels.

const LONG = 8; // seconds

function startListening() {
  const content = readContent();
  const { kind, names, colours, songs } = content;
  const decides = kind !== "ratings";
  songs.forEach((song, i) => prepare(song, i, content));
  const decisions = new Decisions(content);
  let current = null;

  const chart = new Chart(byId("chart"), content, { onPick: pick, onSelect: (stretch) => player.repeat(stretch) });
  const plane = kind === "ratings" && names.length === 2 ? new Plane(byId("plane"), content) : null;
  const player = new Player(byId("audio"), {
    onTime: (time) => {
      chart.move(time);
      plane?.move(time);
    },
    onStretch: markStretch,
    onError: () => announce(`This browser cannot play ${current.name}: the file is missing, or of a kind it does not know.`),
  });
  const list = new SongList(byId("list"), songs, { describe: describeRow, mark, onSelect: show });

  // One song

  function show(song) {
    if (song === current) return;
    current = song;
    expand(song, content);
    byId("song-name").textContent = song.name;
    byId("song-facts").replaceChildren(...describeSong(song));
    byId("song-warnings").replaceChildren(...song.warnings.map((warning) => h("p", { class: "remark" }, warning)));
    byId("stretches").replaceChildren(...song.stretches.map(stretchItem));
    byId("stretches-of").hidden = !song.stretches.length;
    player.open(song.url);
    chart.show(song);
    plane?.show(song);
    showDecision();
  }

  function stretchItem(stretch) {
    const { start, end, heard, ofHeard, ofLabel, leads } = stretch;
    const figures = ofHeard === undefined ? [] : [` ${share(ofHeard)}, label ${share(ofLabel)}`];
    const text = [`${clock(start)}–${clock(end)} `, chip(names[heard], colours[heard]), ...figures];
    if (leads) text.push(" (label leads)");
    return h("li", {}, h("button", { type: "button", click: () => player.repeat([start, end]) }, ...text));
  }

  function pick(time) {
    const found = current.stretches.find(({ start, end }) => start <= time && time < end);
    // of a long stretch, the second that was clicked is heard first
    if (found && kind === "labels") {
      const { start, end } = found;
      player.repeat([start, end], end - start > LONG ? time : start);
    } else {
      player.release();
      player.play(time);
    }
  }

  function markStretch(stretch) {
    chart.mark(stretch);
    byId("repeating").textContent = stretch ? `Repeats ${clock(stretch[0])}–${clock(stretch[1])}` : "";
    for (const [i, button] of [...byId("stretches").querySelectorAll("button")].entries()) {
      const own = current.stretches[i];
      button.setAttribute("aria-pressed", String(own.start === stretch?.[0] && own.end === stretch?.[1]));
    }
  }

  /** Repeat the stretch after or before the one that is repeated, or that is played. */
  function stepStretch(n) {
    const { stretches } = current;
    if (!stretches.length) return announce("This song has no such stretch.");
    const from = player.stretch ? player.stretch[0] : player.time;
    const after = stretches.findIndex(({ start }) => start > from + 0.01);
    const before = stretches.findLastIndex(({ start }) => start < from - 0.01);
    const i = n > 0 ? after : before;
    const { start, end } = stretches[i >= 0 ? i : n > 0 ? 0 : stretches.length - 1];
    player.repeat([start, end]);
  }

  function describeRow(song) {
    if (kind === "ratings") return song.means ? [rated(song)] : [];
    const own = chip(names[song.label], colours[song.label]);
    if (kind === "emotions") return [own, ` ${share(song.certainty)}`];
    return [own, ` ${share(song.ofLabel)} → `, chip(names[song.heard], colours[song.heard]), ` ${share(song.ofHeard)}`];
  }

  function rated(song) {
    // no negative zero
    return names.map((name, i) => `${name} ${(Math.round(100 * song.means[i]) / 100 + 0).toFixed(2)}`).join(", ");
  }

  function describeSong(song) {
    const group = song.group === null ? [] : [`${song.group}: `];
    if (kind === "ratings") return [...group, song.means ? rated(song) : ""];
    const own = chip(names[song.label], colours[song.label]);
    if (kind === "emotions") return [...group, "predicted ", own, ` (${share(song.certainty)})`];
    const heard = [chip(names[song.heard], colours[song.heard]), ` (${share(song.ofHeard)})`];
    const leads = song.leads ? "; next " : "; heard instead ";
    const doubtful = `; ${Math.round(song.doubtful)} of ${Math.round(song.seconds)} s doubtful`;
    return [...group, "labelled ", own, ` (${share(song.ofLabel)})`, leads, ...heard, doubtful];
  }

  // Decisions

  function mark(song) {
    const own = decisions?.get(song);
    if (!own) return "";
    return own.what === CHANGED ? `→ ${names[own.label]}` : own.what;
  }

  function decide(what, label) {
    if (!decides) return;
    const kept = decisions.set(current, what, label);
    const said = what === CHANGED ? `changed to ${names[label]}` : what;
    after(current, `${current.name}: ${said}.${kept ? "" : " The browser does not keep it: save the labels."}`);
    if (byId("go-on").checked) goOn(current);
  }

  /** Go to the next song without a decision, from the top again after the last one. */
  function goOn(song) {
    const at = list.shown.indexOf(song.index);
    const others = [...list.shown.slice(at + 1), ...list.shown.slice(0, Math.max(0, at))];
    const next = others.find((i) => !decisions.get(songs[i]));
    if (next === undefined) return announce("All songs that are shown are decided: save the labels.");
    list.select(next);
    player.play();
  }

  function choose(label) {
    decide(label === current.label ? KEPT : CHANGED, label);
  }

  function undo() {
    const song = decisions.undo();
    if (!song) return announce("There is nothing to undo.");
    list.select(song.index);
    after(song, `${song.name}: the decision is undone.`);
  }

  function after(song, text) {
    list.update(song);
    showDecision();
    showProgress();
    announce(text);
  }

  function showDecision() {
    if (!decides) return;
    const own = decisions.get(current);
    for (const button of byId("decide").querySelectorAll("button[data-label]")) {
      const label = Number(button.dataset.label);
      button.setAttribute("aria-pressed", String(label === decisions.label(current)));
      button.classList.toggle("old", label === current.label);
    }
    for (const button of byId("decide").querySelectorAll("button[data-what]")) {
      button.setAttribute("aria-pressed", String(own?.what === button.dataset.what));
    }
  }

  function showProgress() {
    if (!decides) return;
    const parts = [KEPT, CHANGED, UNSURE, LEFT_OUT].map((what) => [decisions.count(what), what]);
    const done = parts.reduce((sum, [n]) => sum + n, 0);
    const found = parts.filter(([n]) => n).map(([n, what]) => `${n} ${what}`);
    byId("progress").textContent = `${done} of ${count(songs.length, "song")} decided${found.length ? ": " : ""}${found.join(", ")}.`;
    byId("unsaved").hidden = decisions.saved;
  }

  function save() {
    if (!decisions.who) {
      byId("who").focus();
      return announce("Type your name first: it tells the tables of several listeners apart.");
    }
    if (kind === "emotions" && !Object.keys(decisions.of).length) return announce("Keep or change an emotion first.");
    decisions.save();
    showProgress();
    announce("The table is among the downloads of the browser.");
  }

  async function openTable(event) {
    const [file] = event.target.files;
    if (!file) return;
    const n = decisions.open(await file.text());
    event.target.value = "";
    songs.forEach((song) => list.update(song));
    if (current) showDecision();
    showProgress();
    announce(n ? `${count(n, "decision")} taken from ${file.name}.` : `${file.name} has no new decisions on these songs.`);
  }

  if (decides) {
    names.forEach((name, i) => {
      const [text, key] = [chip(name, colours[i]), i < 9 ? String(i + 1) : null];
      byId("labels").append(keyButton(text, { "data-label": i, click: () => choose(i) }, key));
    });
    const keep = () => choose(current.label);
    byId("choices").append(
      keyButton("Keep", { "data-what": KEPT, click: keep }, { name: "Enter", label: "↵" }),
      keyButton("Unsure", { "data-what": UNSURE, click: () => decide(UNSURE) }, "u"),
      keyButton("Leave out", { "data-what": LEFT_OUT, click: () => decide(LEFT_OUT) }, "x"),
      keyButton("Undo", { click: undo }, "z"),
    );
    const who = byId("who");
    who.value = decisions.who;
    who.addEventListener("change", () => decisions.rename(who.value.trim()));
    who.addEventListener("keydown", (event) => event.key === "Enter" && byId("list").focus());
    byId("go-on").checked = decisions.goOn;
    byId("go-on").addEventListener("change", () => {
      decisions.reload();
      decisions.goOn = byId("go-on").checked;
      decisions.keep(decisions.saved);
    });
    byId("save").addEventListener("click", save);
    byId("open").addEventListener("change", openTable);
    addEventListener("storage", ({ key }) => {
      if (key !== decisions.store.key) return;
      // another tab of this page has changed it
      decisions.reload();
      if (document.activeElement !== who) who.value = decisions.who;
      songs.forEach((song) => list.update(song));
      if (current) showDecision();
      showProgress();
    });
    addEventListener("beforeunload", (event) => {
      // what the browser keeps is not lost
      if (!decisions.saved && !decisions.store.works) event.preventDefault();
    });
  }

  // Filters

  const certainties = {
    another: (song) => !song.leads,
    doubtful: (song) => song.leads && song.doubtful > 0,
    trusted: (song) => song.leads && !song.doubtful,
    below50: (song) => song.certainty < 0.5,
    below80: (song) => song.certainty >= 0.5 && song.certainty < 0.8,
    above80: (song) => song.certainty >= 0.8,
  };
  const orders = {
    name: (a, b) => a.name.localeCompare(b.name),
    label: (a, b) => a.label - b.label,
    ...Object.fromEntries(names.map((name, i) => [`target${i}`, (a, b) => (b.means?.[i] ?? 0) - (a.means?.[i] ?? 0)])),
  };
  byId("by-label")?.append(...names.map((name, i) => h("option", { value: i }, name)));
  const fits = (song, value) => {
    const [label, certainty, decision] = ["by-label", "by-certainty", "by-decision"].map(value);
    return (
      (label === "" || String(decisions.label(song)) === label) &&
      (certainty === "" || certainties[certainty](song)) &&
      (decision === "" || decision === (decisions.get(song)?.what ?? "undecided"))
    );
  };
  const filter = addFilters(songs, () => list, fits, () => orders);

  // Keys

  const toNext = addSteps(() => list, player);
  const keys = {
    " ": () => player.toggle(),
    n: () => toNext(1),
    p: () => toNext(-1),
    ".": () => stepStretch(1),
    ",": () => stepStretch(-1),
    l: () => player.release(),
    ArrowLeft: () => player.seek(player.time - 5),
    ArrowRight: () => player.seek(player.time + 5),
    Enter: () => decide(KEPT, current.label),
    u: () => decide(UNSURE),
    x: () => decide(LEFT_OUT),
    z: undo,
    s: save,
    "/": () => byId("by-name").focus(),
  };
  names.slice(0, 9).forEach((name, i) => (keys[i + 1] = () => choose(i)));
  for (const key of decides ? [] : ["Enter", "u", "x", "z", "s", ...names.map((name, i) => i + 1)]) delete keys[key];
  addKeys(keys, () => current);
  showChosen();

  filter();
  showProgress();
  if (!decisions.store.works) announce("This browser keeps nothing of this page: save the labels before you close it.");
  if (songs.length) list.select(list.shown[0]);
  else byId("panel").hidden = true;
}

/** Complete what a row of the list needs. */
function prepare(song, index, content) {
  song.index = index;
  song.stretches = song.stretches.map(([start, end, heard, ofHeard, ofLabel, leads]) => ({
    ...{ start, end, heard, ofHeard, ofLabel, leads: Boolean(leads) },
  }));
  const base = content.kind === "labels" ? content.colours[song.label] : "transparent";
  const percent = (time) => `${((100 * time) / song.end).toFixed(1)}%`;
  const stops = [];
  for (const { start, end, heard, leads } of song.stretches) {
    const colour = leads ? base : content.colours[heard];
    stops.push(`${base} 0 ${percent(start)}`, `${colour} 0 ${percent(end)}`);
  }
  if (content.kind !== "ratings") song.strip = `linear-gradient(90deg, ${[...stops, `${base} 0`].join(", ")})`;
}

/** Complete what the chart of a song needs: its curves are numbers on a grid, probabilities in per cent. */
function expand(song, content) {
  if (song.starts) return;
  const { step, kind } = content;
  const n = song.curves[0].length;
  song.starts = Array.from({ length: n }, (_, i) => i * step);
  song.ends = song.starts.map((start) => Math.min(song.end, start + step));
  if (kind === "ratings") return;
  const fraction = (curve) => curve.map((value) => (value === null ? null : value / 100));
  song.curves = song.curves.map(fraction);
  if (song.trust) song.trust = fraction(song.trust);
}
