// Files of the page, from one folder and nowhere else.

import fs from 'node:fs/promises'
import path from 'node:path'

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
}

/**
 * Records are written by several people, and one of them could put a `javascript:` link in for another to press.
 * Style attributes are the editor's (widths, colours of carets); pictures may come from wherever a record says.
 */
const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; img-src * data:; style-src 'self' 'unsafe-inline'"

/** @param {string} root */
export function serveFilesOf(root) {
  /** Answers true when it served the file. */
  return async function serve(pathname, response) {
    const file = path.join(root, pathname === '/' ? 'index.html' : pathname)
    if (!file.startsWith(root + path.sep)) return false
    let body
    try {
      body = await fs.readFile(file)
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'EISDIR') return false
      throw error
    }
    response.writeHead(200, {
      'content-security-policy': POLICY,
      'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      // Names carry no hash: a rebuilt page must not meet an old script.
      'cache-control': 'no-cache',
    })
    response.end(body)
    return true
  }
}
