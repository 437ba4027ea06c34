// What the browser keeps of a page until it is opened again.

class Store {
  constructor(id) {
    this.key = `skmer:${id}`;
    this.works = true;
  }

  /** Return the value that was kept, or {} if there is none. */
  load() {
    try {
      const value = JSON.parse(localStorage.getItem(this.key));
      return typeof value === "object" && value !== null ? value : {};
    } catch {
      this.works = false;
      return {};
    }
  }

  /** Keep a value; return whether the browser did, which it refuses in private windows or where its storage is full. */
  keep(value) {
    try {
      localStorage.setItem(this.key, JSON.stringify(value));
      this.works = true;
    } catch {
      this.works = false;
    }
    return this.works;
  }
}
