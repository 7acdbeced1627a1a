/** Stands in for the package `@civicpress/core`: the shapes of its error classes. An ES module, as core is. */

export class CivicPressError extends Error {
  constructor(message, context) {
    super(message)
    this.name = this.constructor.name
    this.context = context
    this.correlationId = `err_${Date.now().toString(36)}_fromhst`
  }

  toJSON() {
    return { name: this.name, madeBy: 'core', code: this.code, message: this.message }
  }

  getOutputDetails() {
    return { madeBy: 'core', code: this.code }
  }
}

export class ValidationError extends CivicPressError {
  code = 'VALIDATION_ERROR'
  statusCode = 400

  constructor(message, details) {
    super(message, { details })
  }
}

export class NotFoundError extends CivicPressError {
  code = 'NOT_FOUND'
  statusCode = 404

  constructor(message, resourceId) {
    super(message, resourceId ? { resourceId } : undefined)
  }
}

export class UnauthorizedError extends CivicPressError {
  code = 'UNAUTHORIZED'
  statusCode = 401

  constructor(message = 'Authentication required') {
    super(message)
  }
}
