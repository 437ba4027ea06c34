// The page to annotate songs from nothing: a rater, the list of songs, and one song that is labelled or rated.

function startAnnotating() {
  const content = readContent();
  const { kind, names, colours, songs } = content;
  const rates = kind === "ratings";
  songs.forEach((song, i) => Object.assign(song, { index: i, label: null, stretches: [], seconds: null }));
  // the page's own store: who used it last, and how
  const own = new Store(content.id);
  const settings = own.load();
  let [answers, current, list] = [null, null, null];

  const player = new Player(byId("audio"), {
    onTime: (time) => follow(time),
    onError: () => {
      if (!current) return;
      announce(`This browser cannot play ${current.name}: the file is missing, or of a kind it does not know.`);
    },
  });
  const { audio } = player;
  const rating = rates ? makeRating() : null;

  // Who

  function begin(rater) {
    settings.rater = rater;
    own.keep(settings);
    answers = new Answers(content, rater);
    current = null;
    byId("rater").textContent = rater;
    byId("start").hidden = true;
    byId("work").hidden = false;
    list = new SongList(byId("list"), songs, { describe: () => [], mark, onSelect: show });
    filter();
    showProgress();
    list.select(list.shown.find((i) => !answers.isDone(songs[i])) ?? list.shown[0] ?? 0);
    // not earlier: the browser would take it for a part of the page that is still to come
    if (rates && document.readyState === "complete") measure();
    else if (rates) addEventListener("load", measure);
  }

  /** Begin again with another name: nothing of this rater stays on the page. */
  function leave() {
    settings.rater = null;
    own.keep(settings);
    location.reload();
  }

  byId("start").addEventListener("submit", (event) => {
    event.preventDefault();
    const rater = byId("who").value.trim().replace(/\s+/g, " ");
    if (!rater) return;
    begin(rater);
    byId("song-name").focus();
  });
  byId("leave").addEventListener("click", leave);

  // One song

  function show(song) {
    if (song === current) return;
    current = song;
    byId("song-name").textContent = song.name;
    player.open(song.url);
    rating?.open(song);
    showAnswer();
  }

  function follow(time) {
    if (!current) return;
    rating?.observe(time);
    if (content.seconds === null || time < content.seconds || !player.playing) return;
    // no more of the song is heard; it can be played again
    audio.pause();
    rating?.end();
    player.seek(0);
  }

  function mark(song) {
    const status = answers.status(song);
    if (!rates) return status === LABELLED ? names[answers.get(song).label] : status === "undone" ? "" : status;
    if (status !== "begun") return { done: "✓ done", [NOTHING]: NOTHING }[status] ?? "";
    const [rated, steps] = [answers.rated(song).length, answers.steps(song)];
    return `${clock(rated * content.step)}${steps ? ` of ${clock(steps * content.step)}` : ""}`;
  }

  /** Show the answer to the song; `said` is announced. */
  function showAnswer(said = null) {
    list.update(current);
    const { what, label } = answers.get(current);
    if (!rates) {
      for (const button of byId("decide").querySelectorAll("button[data-what]")) {
        const chosen = what === button.dataset.what && (what !== LABELLED || label === Number(button.dataset.label));
        button.setAttribute("aria-pressed", String(chosen));
      }
    }
    showProgress();
    if (said) announce(said);
  }

  function showProgress() {
    const done = songs.filter((song) => answers.isDone(song)).length;
    byId("progress").textContent = `${done} of ${count(songs.length, "song")} done.`;
    byId("bar").value = songs.length ? done / songs.length : 0;
    byId("unsaved").hidden = answers.saved;
    byId("refused").hidden = answers.works && own.works;
  }

  // Labels

  function choose(what, label = null) {
    answers.choose(current, what, label);
    showAnswer(`${current.name}: ${what === LABELLED ? names[label] : what}.`);
    if (byId("go-on").checked) goOn(current);
  }

  /** Go to the next song that is not done, from the top again after the last one. */
  function goOn(song) {
    const { shown } = list;
    const at = shown.indexOf(song.index);
    const next = [...shown.slice(at + 1), ...shown.slice(0, Math.max(0, at))].find((i) => !answers.isDone(songs[i]));
    if (next === undefined) {
      const all = songs.every((one) => answers.isDone(one));
      return announce(all ? "All songs are done: save the table." : "All songs that are shown are done.");
    }
    list.select(next);
    player.play();
  }

  function undo() {
    const song = answers.undo();
    if (!song) return announce("There is nothing to undo.");
    list.select(song.index);
    rating?.open(song);
    showAnswer(`${song.name}: the last answer is undone.`);
  }

  // Ratings

  function makeRating() {
    const live = names.map(() => false);
    const seek = (time) => player.seek(time);
    const chart = new Chart(byId("chart"), content, { onPick: seek, onSelect: ([time]) => seek(time) });
    const controls = new Controls(content, touch);
    const sampler = new Sampler(content.step, sample);
    const shape = () => {
      const seconds = content.seconds ?? Infinity;
      const end = Math.min(current.seconds ?? 0, seconds) || content.step;
      const curves = answers.curves(current);
      const n = Math.max(Math.ceil(end / content.step), ...curves.map((curve) => curve.length));
      const starts = Array.from({ length: n }, (_, i) => i * content.step);
      const filled = curves.map((curve) => starts.map((_, i) => curve[i] ?? null));
      const ends = starts.map((start) => start + content.step);
      return { label: null, stretches: [], end, starts, ends, curves: filled };
    };

    /** A rating that is touched is taken from now on, until the song is paused or another time is chosen. */
    function touch(targets) {
      if (!current) return;
      if (!live.some(Boolean)) answers.remember(current);
      for (const i of targets) live[i] = true;
      showLive();
    }

    function release() {
      live.fill(false);
      showLive();
    }

    function toggle() {
      if (live.some(Boolean)) release();
      else touch(names.map((_, i) => i));
    }

    function sample(i) {
      const steps = answers.steps(current);
      if (!live.some(Boolean) || (steps !== null && i >= steps)) return;
      const curves = answers.curves(current);
      controls.values.forEach((value, k) => live[k] && setItem(curves[k], i, value));
      answers.rate(current, curves);
      draw();
      showAnswer();
    }

    function draw() {
      chart.show(shape());
      chart.move(player.time);
      const gap = answers.gap(current);
      byId("gap").disabled = gap === null;
      const n = answers.steps(current);
      const rated = answers.rated(current).length * content.step;
      byId("rated").textContent = n === null ? "" : `${clock(rated)} of ${clock(n * content.step)} rated`;
    }

    function observe(time) {
      chart.move(time);
      if (audio.seeking) sampler.stop();
      else sampler.observe(time, player.playing);
      // where nothing is taken, sliders show what was
      const at = Math.floor(time / content.step);
      answers.curves(current).forEach((curve, k) => {
        if (!live[k] && (curve[at] ?? null) !== null) controls.set(k, curve[at]);
      });
    }

    function open() {
      sampler.stop();
      controls.reset();
      release();
      draw();
    }

    function showLive() {
      const on = live.filter(Boolean).length;
      controls.showLive(live);
      byId("state").classList.toggle("live", on > 0);
      const which = on < names.length ? ` ${names.filter((_, k) => live[k]).join(", ")} only` : "";
      const does = player.playing ? "Rating" : "Play the song to rate";
      const how = player.playing ? "move a slider to rate from here." : "move a slider or press Rate, then play.";
      const text = on ? `${does}${which}` : `Not rating: ${how}`;
      // said again only if it has changed
      if (byId("state").textContent !== text) byId("state").textContent = text;
      byId("rate").setAttribute("aria-pressed", String(on > 0));
    }

    function goToGap() {
      const gap = answers.gap(current);
      if (answers.steps(current) === null) return announce("The length of this song is not known yet.");
      if (gap === null) return announce("The song is rated to its end.");
      player.seek(gap * content.step);
    }

    function end() {
      release();
      const gap = answers.gap(current);
      const missing = gap === null ? "" : ` What is not rated begins at ${clock(gap * content.step)}.`;
      announce(missing ? `${current.name} is played to its end.${missing}` : `${current.name} is rated to its end.`);
    }

    audio.addEventListener("seeking", () => {
      sampler.stop();
      if (audio.readyState && current) release();
    });
    audio.addEventListener("play", showLive);
    audio.addEventListener("pause", () => {
      if (!current) return;
      sampler.observe(player.time, false);
      showLive();
    });
    audio.addEventListener("ended", end);
    audio.addEventListener("durationchange", () => {
      if (!current || !Number.isFinite(audio.duration)) return;
      answers.measure(current, audio.duration);
      draw();
      showAnswer();
    });
    // what plays unseen is not rated
    document.addEventListener("visibilitychange", () => document.hidden && audio.pause());
    return { open, draw, observe, end, toggle, goToGap, controls };
  }

  /** Find the length of all songs, one after the other: which ones are done depends on it. */
  async function measure() {
    for (const song of songs.filter((one) => one.seconds === null)) {
      const probe = h("audio", { preload: "metadata", src: song.url });
      await new Promise((resolve) => {
        for (const name of ["loadedmetadata", "error"]) probe.addEventListener(name, resolve);
      });
      song.unplayable = probe.error !== null;
      if (Number.isFinite(probe.duration)) answers.measure(song, song.seconds ?? probe.duration);
      probe.removeAttribute("src");
      list.update(song);
    }
    showProgress();
  }

  // Tables

  function save() {
    answers.save();
    showProgress();
    announce("The table is among the downloads of the browser.");
  }

  async function openTable(event) {
    const [file] = event.target.files;
    if (!file) return;
    const [found, others] = answers.open(await file.text());
    event.target.value = "";
    found.forEach((song) => list.update(song));
    rating?.open(current);
    showAnswer();
    const { rater } = answers;
    const taken = `Answers to ${count(found.length, "song")} taken from ${file.name}.`;
    const wrong = ` Answers of ${others.join(", ")} are not yours (${rater}): change the name to go on with them.`;
    const none = `${file.name} has no new answers of ${rater} to these songs.`;
    announce(`${found.length ? taken : none}${others.length ? wrong : ""}`);
  }

  byId("save").addEventListener("click", save);
  byId("open").addEventListener("change", openTable);
  addEventListener("storage", ({ key }) => {
    const [own, song] = answers?.follow(key) ?? [false, null];
    if (!own) return;
    if (song) list.update(song);
    if (song === current) rating?.draw();
    showAnswer();
  });
  addEventListener("beforeunload", (event) => {
    // what the browser keeps is not lost
    if (answers && !answers.saved && !answers.works) event.preventDefault();
  });

  // Filters

  const fits = (song, value) => {
    const answer = value("by-answer");
    return answer === "" || answer === answers.status(song) || (answer === "undone" && !answers.isDone(song));
  };
  const orders = () => ({ own: shuffledFor(answers.rater, songs), name: (a, b) => a.name.localeCompare(b.name) });
  const filter = addFilters(songs, () => list, fits, orders);

  // Buttons and keys

  const toNext = addSteps(() => list, player);
  const keys = {
    " ": () => player.toggle(),
    n: () => toNext(1),
    p: () => toNext(-1),
    ",": () => player.seek(player.time - 5),
    ".": () => player.seek(player.time + 5),
    s: save,
    z: undo,
    "/": () => byId("by-name").focus(),
  };
  if (rates) {
    byId("choices").append(
      keyButton("Rate", { id: "rate", click: () => rating.toggle() }, { name: "Enter", label: "↵" }),
      keyButton("Go to what is not rated", { id: "gap", click: () => rating.goToGap() }, "g"),
      keyButton("Undo", { click: undo }, "z"),
    );
    Object.assign(keys, { Enter: () => rating.toggle(), g: () => rating.goToGap() });
    const shift = (i, part) => () => rating.controls.shift(i, part);
    const last = names.length - 1;
    if (last < 2) {
      Object.assign(keys, { ArrowLeft: shift(0, -0.02), ArrowRight: shift(0, 0.02) });
      Object.assign(keys, { ArrowDown: shift(last, -0.02), ArrowUp: shift(last, 0.02) });
    }
  } else {
    names.forEach((name, i) => {
      const key = i < 9 ? String(i + 1) : null;
      if (key) keys[key] = () => choose(LABELLED, i);
      const attributes = { "data-what": LABELLED, "data-label": i, click: () => choose(LABELLED, i) };
      byId("labels").append(keyButton(chip(name, colours[i]), attributes, key));
    });
    byId("choices").append(
      keyButton("Unsure", { "data-what": UNSURE, click: () => choose(UNSURE) }, "u"),
      keyButton("Skip: no single label", { "data-what": SKIPPED, click: () => choose(SKIPPED) }, "x"),
      keyButton("Undo", { click: undo }, "z"),
    );
    Object.assign(keys, { u: () => choose(UNSURE), x: () => choose(SKIPPED) });
    Object.assign(keys, { ArrowLeft: keys[","], ArrowRight: keys["."] });
    byId("go-on").checked = settings.goOn ?? true;
    byId("go-on").addEventListener("change", () => {
      settings.goOn = byId("go-on").checked;
      own.keep(settings);
    });
  }

  addKeys(keys, () => current && !byId("work").hidden);
  showChosen();
  // arrow keys are to move ratings after a click, and not go through the list
  byId("list").addEventListener("click", (event) => rates && event.detail && byId("list").blur());

  byId("refused").hidden = own.works;
  if (settings.rater) begin(settings.rater);
  else byId("who").focus();
}
