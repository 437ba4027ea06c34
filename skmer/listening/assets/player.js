// The player: one audio element, which jumps to a time and repeats a stretch.

class Player {
  /** `onTime` is called with the time while it plays, and `onStretch` when the stretch that is repeated changes. */
  constructor(audio, { onTime = () => {}, onStretch = () => {}, onError = () => {} } = {}) {
    Object.assign(this, { audio, onTime, onStretch, onError, stretch: null, wanted: null });
    const tick = () => {
      this.follow();
      if (!audio.paused) requestAnimationFrame(tick);
    };
    audio.addEventListener("play", tick);
    for (const event of ["timeupdate", "seeked"]) audio.addEventListener(event, () => this.follow());
    // a time that is set before the file is known may be forgotten
    audio.addEventListener("loadedmetadata", () => this.wanted !== null && this.seek(this.wanted));
    audio.addEventListener("ended", () => this.stretch && this.play(this.stretch[0]));
    audio.addEventListener("error", () => audio.getAttribute("src") && this.onError());
  }

  get time() {
    return this.wanted ?? this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused;
  }

  open(url) {
    this.audio.pause();
    this.wanted = null;
    this.repeat(null);
    this.audio.src = url;
  }

  seek(time) {
    this.wanted = this.audio.readyState ? null : Math.max(0, time);
    this.audio.currentTime = Math.max(0, time);
    this.onTime(this.time);
  }

  play(time = null) {
    if (time !== null) this.seek(time);
    // refused where the file cannot be played, which "error" reports, or where a pause comes first
    this.audio.play().catch(() => {});
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  /** Repeat the stretch [start, end], at first from a time in it; null plays on. */
  repeat(stretch, from = stretch?.[0]) {
    this.stretch = stretch;
    this.onStretch(stretch);
    if (stretch) this.play(from);
  }

  follow() {
    const { audio, stretch } = this;
    // a seek beyond the stretch, by the element's own controls, ends the repetition
    if (stretch && !audio.seeking && audio.currentTime >= stretch[1]) {
      if (audio.currentTime < stretch[1] + 1 && this.playing) audio.currentTime = stretch[0];
      else if (audio.currentTime >= stretch[1] + 1) this.release();
    }
    if (audio.readyState) this.wanted = null;
    this.onTime(this.time);
  }

  release() {
    this.stretch = null;
    this.onStretch(null);
  }
}
