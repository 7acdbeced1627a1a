/** Compiled, never run: a module with rooms of its own, written against the names that such modules know. */

import type {
  AuthResult,
  ClientConnection,
  ConnectionContext,
  DisconnectContext,
  MessageContext,
  RealtimeServer,
  Room,
  RoomConfig,
  RoomFactory,
  RoomManager,
  RoomReference,
  RoomState,
  RoomTypeHandler,
} from '@civicpress/realtime'

export class DeviceRoom implements Room {
  public readonly roomType: string = 'device'
  readonly #clients = new Map<string, ClientConnection>()

  constructor(
    public readonly roomId: string,
    config: RoomConfig,
    private server: RealtimeServer,
  ) {
    config.roomType satisfies string
  }

  addClient(clientId: string, connection: ClientConnection): void {
    this.#clients.set(clientId, connection)
  }

  removeClient(clientId: string): void {
    this.#clients.delete(clientId)
  }

  broadcast(message: unknown, excludeClientId?: string): void {
    const connections: Map<string, { send(data: string): void; readyState: number }> = this.server.connections
    for (const clientId of this.#clients.keys()) {
      if (clientId !== excludeClientId) connections.get(clientId)?.send(JSON.stringify(message))
    }
  }

  sendToDevice(message: unknown): boolean {
    for (const [clientId, { deviceUuid }] of this.server.clientToDevice) {
      const connection = this.server.getConnections().get(clientId)
      if (deviceUuid === this.roomId.slice(7) && connection?.readyState === 1) {
        return connection.send(JSON.stringify(message))
      }
    }
    return false
  }

  getState(): RoomState {
    const now = Date.now()
    const { roomId, roomType } = this
    const participants = [...this.#clients.values()]
    return { roomId, roomType, participants, version: 1, createdAt: now, lastActivity: now }
  }

  async destroy(): Promise<void> {}
}

export class DeviceRoomHandler implements RoomTypeHandler {
  public readonly roomType = 'device'
  public readonly authenticatesConnection = true

  async onConnect({ token, roomId, fullRoomId, headers, protocols }: ConnectionContext): Promise<AuthResult> {
    if (!token || headers?.['x-bad'] || protocols?.length === 0) {
      return { success: false, error: `no way into ${fullRoomId}`, errorCode: 'AUTH_FAILED' }
    }
    const deviceAuth = { deviceId: '1', deviceUuid: roomId, organizationId: 'town' }
    return { success: true, deviceAuth, clientMetadata: { isDevice: true } }
  }

  async onPostConnect({ ws }: ConnectionContext, auth: AuthResult): Promise<void> {
    ws.send(JSON.stringify({ type: 'hello', device: auth.deviceAuth?.deviceUuid }))
  }

  async onMessage({
    message,
    rawData,
    clientId,
    broadcastToRoom,
    sendToClient,
    sendError,
  }: MessageContext): Promise<void> {
    const { type } = message as { type?: string }
    if (rawData.length > 1_000) sendError(new Error('too long'))
    else if (type === 'echo') sendToClient(clientId, message)
    else broadcastToRoom(message, clientId)
  }

  onDisconnect({ room, auth }: DisconnectContext): void {
    const reference: RoomReference = room
    for (const participant of reference.getState().participants) participant.id satisfies string
    auth.clientMetadata?.['isDevice'] satisfies unknown
  }
}

export function register(server: RealtimeServer, rooms: RoomManager): void {
  const factory: RoomFactory = {
    createRoom: (roomId, config) => new DeviceRoom(roomId, config, server),
    supportsRoomType: (roomType) => roomType === 'device',
  }
  rooms.registerRoomType('device', factory)
  server.registerRoomTypeHandler(new DeviceRoomHandler())
  server.setRoomManager(rooms)
  const room = rooms.getRoom('device:1') ?? rooms.getOrCreateRoom('device:1', 'device', {})
  if (room instanceof DeviceRoom) room.sendToDevice({ type: 'command' })
}
