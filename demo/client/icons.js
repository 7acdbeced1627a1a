// Icons drawn as strokes on a 24 by 24 grid, so that the page needs no font and no network.

const PATHS = {
  bold: 'M8 5h5a3.5 3.5 0 0 1 0 7H8zM8 12h6a3.5 3.5 0 0 1 0 7H8z',
  italic: 'M11 5h7M6 19h7M14.5 5l-5 14',
  code: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.3-1.3',
  bullets: 'M10 6h10M10 12h10M10 18h10M5 6h.01M5 12h.01M5 18h.01',
  numbers: 'M11 6h9M11 12h9M11 18h9M4 5l1.5-1v5M4 15.5c0-2 3-1.5 3 0 0 1-3 2.5-3 3.5h3',
  quote: 'M5 5v14M10 8h9M10 12h9M10 16h6',
  codeBlock: 'M4 5h16v14H4zM9 9l-2 3 2 3M15 9l2 3-2 3',
  table: 'M4 5h16v14H4zM4 10h16M4 14.5h16M12 5v14',
  reference: 'M6 4h9l4 4v12H6zM14 4v5h5M9 13h6M9 16.5h4',
  undo: 'M9 8H4V3M4.5 8a8 8 0 1 1-.5 6',
  redo: 'M15 8h5V3M19.5 8a8 8 0 1 0 .5 6',
  rowAdd: 'M4 5h16v6H4zM12 14v7M8.5 17.5h7',
  rowRemove: 'M4 5h16v6H4zM8.5 17.5h7',
  columnAdd: 'M5 4v16h6V4zM14 12h7M17.5 8.5v7',
  columnRemove: 'M5 4v16h6V4zM14 12h7',
  tableRemove: 'M4 5h16v14H4zM9 9l6 6M15 9l-6 6',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  open: 'M13 5h6v6M19 5l-8 8M10 6H5v13h13v-5',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6M18 14a6.5 6.5 0 0 1 3.5 6',
}

const SVG = 'http://www.w3.org/2000/svg'

/** Decoration only: whatever an icon means is also said in words by its button. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', PATHS[name])
  svg.append(path)
  return svg
}
