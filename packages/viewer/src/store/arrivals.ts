/** Items in the order of arrival. The oldest goes first. */
export class Arrivals<T> {
  #items: (T | undefined)[] = []
  #head = 0
  /** Number of the first kept item. Numbers are never used again. */
  #first = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get oldest(): T | undefined {
    return this.#items[this.#head]
  }

  /** Returns the item's number. */
  push(item: T): number {
    this.#items.push(item)
    return this.#first + this.size - 1
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    this.#first += 1
    // An array's own shift moves all items behind the first.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** From the newest item below number `before`, with their numbers. */
  *newestFirst(before = Number.POSITIVE_INFINITY): Generator<[number, T]> {
    for (
      let index = Math.min(this.#items.length - 1, before - this.#first + this.#head - 1);
      index >= this.#head;
      index -= 1
    )
      yield [this.#first + index - this.#head, this.#items[index] as T]
  }
}
