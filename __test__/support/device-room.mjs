/**
 * A module with rooms for devices, as one that a host brings along: its devices have tokens of their own, users look
 * on, commands go out through what the server offers, and acknowledgements come in.
 */

/** One device's room; it finds the device's connection by itself. */
class DeviceRoom {
  roomType = 'device'
  clients = new Map()
  createdAt = Date.now()
  version = 0
  destroyed = false

  constructor(roomId, server) {
    this.roomId = roomId
    this.server = server
  }

  addClient(clientId, client) {
    this.clients.set(clientId, client)
    this.version += 1
  }

  removeClient(clientId) {
    if (this.clients.delete(clientId)) this.version += 1
  }

  broadcast(message, exceptClientId) {
    for (const clientId of this.clients.keys()) {
      const connection = this.server.connections.get(clientId)
      if (clientId !== exceptClientId && connection?.readyState === 1) connection.send(JSON.stringify(message))
    }
  }

  /** True if the device is there to hear it. */
  command(message) {
    const uuid = this.roomId.slice('device:'.length)
    for (const [clientId, { deviceUuid }] of this.server.clientToDevice) {
      const connection = this.server.connections.get(clientId)
      if (deviceUuid !== uuid || connection?.readyState !== 1) continue
      connection.send(JSON.stringify(message))
      return true
    }
    return false
  }

  getState() {
    const { roomId, roomType, createdAt, version } = this
    return { roomId, roomType, participants: [...this.clients.values()], createdAt, lastActivity: Date.now(), version }
  }

  async destroy() {
    this.destroyed = true
  }
}

/** Lets devices in by their tokens, and users by their sessions. */
export class DeviceHandler {
  roomType = 'device'
  authenticatesConnection = true
  devices = new Map([['device-token-1', { deviceId: '11', deviceUuid: '7f3a', organizationId: 'town' }]])
  /** What devices acknowledged, by command. */
  acknowledged = []
  /** Who is gone, with what the room still knew. */
  gone = []
  /** Contexts as they were handed in. */
  contexts = []

  constructor(authService) {
    this.authService = authService
  }

  async onConnect(context) {
    this.contexts.push(context)
    const deviceAuth = this.devices.get(context.token)
    if (deviceAuth?.deviceUuid === context.roomId)
      return { success: true, deviceAuth, clientMetadata: { isDevice: true } }
    const user = await this.authService.validateSession(context.token)
    if (!user) return { success: false, error: 'unknown token', errorCode: 'AUTH_FAILED' }
    const permissions = { canView: true, canEdit: false }
    const userAuth = { userId: user.id, username: user.username, role: user.role, permissions }
    return { success: true, userAuth, clientMetadata: { isDevice: false } }
  }

  async onPostConnect(context, auth) {
    context.ws.send(JSON.stringify({ type: 'hello', device: auth.clientMetadata.isDevice }))
  }

  async onMessage({ clientId, message, auth, broadcastToRoom, sendError }) {
    if (!auth.clientMetadata.isDevice) return sendError(new Error('observers only look on'))
    if (message.type === 'ack') this.acknowledged.push(message.commandId)
    broadcastToRoom(message, clientId)
  }

  onDisconnect({ clientId, room, auth }) {
    this.gone.push({ clientId, auth, room, participants: room.getState().participants.map(({ id }) => id) })
    room.broadcast({ type: 'device.disconnected', deviceUuid: auth.deviceAuth?.deviceUuid ?? null }, clientId)
  }
}

/** Makes a server offer device rooms. */
export function registerDevices(server, authService) {
  const handler = new DeviceHandler(authService)
  server.getRoomManager().registerRoomType('device', {
    createRoom: (roomId) => new DeviceRoom(roomId, server),
    supportsRoomType: (roomType) => roomType === 'device',
  })
  server.registerRoomTypeHandler(handler)
  return handler
}
