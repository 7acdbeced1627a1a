// Just enough YAML for the headers of the sample records: one `key: value` a line.

const HEADER = /^---\r?\n([\s\S]*?)\r?\n---\r?\n(?:\r?\n)?/

/**
 * @param {string} source
 * @returns {{fields: Record<string, string>, body: string}}
 */
export function splitFrontMatter(source) {
  const header = HEADER.exec(source)
  if (!header) return { fields: {}, body: source }
  const fields = {}
  for (const line of header[1].split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) fields[line.slice(0, colon).trim()] = unquote(line.slice(colon + 1).trim())
  }
  return { fields, body: source.slice(header[0].length) }
}

function unquote(value) {
  const quoted = /^(["'])(.*)\1$/.exec(value)
  return quoted ? quoted[2] : value
}
