/**
 * A disk that loses power: what it surely holds, and what it may hold.
 *
 * It promises no more than POSIX does. Bytes are on it once their file was synced, names once their folder was;
 * a name that was synced may stand for a file whose bytes were not, and the other way round. Everything since then may
 * be there, or a part of it, in an order of its own.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { Bytes } from './bytes.mjs'
import { torn } from './tearing.mjs'

export class Disk {
  /** The folder that is there from the beginning. */
  #root = new Folder()
  #rootPath

  constructor(rootPath) {
    this.#rootPath = rootPath
  }

  /** An operation begins; a sync does nothing until it returns. */
  begin(operation) {
    const { does, file } = operation
    if (does === 'sync') return
    if (does === 'write' || does === 'truncate') {
      this.#at(file).change(operation)
      return
    }
    const folder = this.#at(path.dirname(file))
    const name = path.basename(file)
    if (does === 'create' && folder.now.has(name)) return
    const node = { create: () => new File(), mkdir: () => new Folder(), rename: () => this.#at(file) }[does]?.()
    const to = does === 'rename' ? path.basename(operation.to) : name
    if (operation.to && path.dirname(operation.to) !== path.dirname(file)) {
      throw new Error(`nothing plays a move to another folder: ${operation.to}`)
    }
    folder.change({ ...operation, name, to, node })
  }

  /** A sync returns: what had returned before it began is on the disk. */
  synced({ file, start }) {
    this.#find(file)?.sync(start)
  }

  /** What is read back as long as power lasts: `{path: bytes}`, with null for a folder. */
  present() {
    return this.#image((node) => node.present())
  }

  /**
   * What there is when power comes back.
   *
   * @param tear picks what a file or folder holds of what was not synced, see `tearing.mjs`
   */
  afterLoss(tear) {
    return this.#image((node) => node.afterLoss(tear))
  }

  #image(contents) {
    const image = new Map()
    const visit = (node, at) => {
      const content = contents(node)
      if (!(content instanceof Map)) {
        image.set(at, content)
        return
      }
      if (at !== '') image.set(at, null)
      for (const [name, child] of content) visit(child, path.join(at, name))
    }
    visit(this.#root, '')
    return image
  }

  #at(file) {
    const node = this.#find(file)
    if (!node) throw new Error(`the trace uses ${file}, which it did not make`)
    return node
  }

  #find(file) {
    const names = path.relative(this.#rootPath, file).split(path.sep).filter(Boolean)
    return names.reduce((node, name) => node?.now?.get(name), this.#root)
  }
}

/** Does to a disk what is done at a moment of a recording. */
export function play(disk, { begin, synced }) {
  if (begin) disk.begin(begin)
  if (synced) disk.synced(synced)
}

/** Writes an image of a disk to a folder that does not exist. */
export async function writeImage(image, folder) {
  await mkdir(folder)
  for (const [name, content] of image) {
    const file = path.join(folder, name)
    if (content === null) await mkdir(file)
    else await writeFile(file, content)
  }
}

/** A file or folder: what is surely on the disk, and what was done since. */
class Node {
  pending = []

  sync(start) {
    const onDisk = this.pending.filter(({ end }) => end < start)
    this.pending = this.pending.filter(({ end }) => end >= start)
    for (const operation of onDisk) this.keep(operation)
  }
}

class File extends Node {
  #kept = new Bytes()

  change(operation) {
    this.pending.push(operation)
  }

  keep(operation) {
    this.#kept.change(operation)
  }

  present() {
    return this.pending.reduce((bytes, operation) => bytes.change(operation), this.#kept.copy()).view()
  }

  afterLoss(tear) {
    return torn(tear({ count: this.pending.length, isFolder: false }), this.#kept, this.pending).view()
  }
}

class Folder extends Node {
  /** Names and what they stand for, as long as power lasts. */
  now = new Map()
  #kept = new Map()

  change(operation) {
    renamed(this.now, operation)
    this.pending.push(operation)
  }

  keep(operation) {
    renamed(this.#kept, operation)
  }

  present() {
    return this.now
  }

  afterLoss(tear) {
    const names = new Map(this.#kept)
    const { takes } = tear({ count: this.pending.length, isFolder: true })
    this.pending.forEach((operation, at) => takes(at) && renamed(names, operation))
    return names
  }
}

/** Does to names what an operation does; a rename is done as a whole or not at all. */
function renamed(names, { name, to, node }) {
  names.delete(name)
  if (node) names.set(to, node)
}
