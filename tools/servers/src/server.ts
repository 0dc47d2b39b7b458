import type { Availability, Kind } from './kind.ts'
import type { Reservation } from './ports.ts'

export interface ServerOptions {
  /** How long a start and each restart may take until the server answers, default 30 000. */
  startTimeoutMs?: number
}

export interface RestartOptions {
  /** Start without any data, default false. */
  wipe?: boolean
}

/** A registry server for tests, which responds from the beginning. The caller that started it must stop it. */
export interface Server extends AsyncDisposable {
  readonly kind: Kind
  /** `host:port` of the client port; the same for the server's whole life. */
  readonly address: string
  /** The `host:port` of its other services, by name. Empty for a server named by an environment variable. */
  readonly extraAddresses: Readonly<Record<string, string>>
  /** False for a server named by an environment variable: then all methods below except `stop` reject. */
  readonly controllable: boolean
  /** Undefined while no process runs, and for an external server. With Docker, the pid of its client. */
  readonly pid: number | undefined
  /** Ends the process with SIGKILL and keeps the data; does nothing when it has ended. */
  kill(): Promise<void>
  /** Suspends the process with SIGSTOP: connections stay open and nothing is answered, from now until `resume`. */
  pause(): Promise<void>
  /** Resumes a suspended process with SIGCONT. */
  resume(): Promise<void>
  /** Kills the process if it runs, then starts it on the same port; resolves when the server answers. */
  restart(options?: RestartOptions): Promise<void>
  /** Removes all data. A running server is restarted for it, an ended one stays ended. */
  wipe(): Promise<void>
  /** Resolves to the last lines that the process wrote, at most 40. */
  log(): Promise<string>
  /** Ends the process and removes its data for good. Later calls do nothing. */
  stop(): Promise<void>
}

/** How to start one kind of server: all differences between etcd, ZooKeeper and Consul. */
export interface Recipe {
  readonly kind: Kind
  /** Returns the addresses of its other services with these ports, by name. */
  extraAddresses?(reservation: Reservation): Readonly<Record<string, string>>
  /** Writes configuration into the reservation's folder; resolves to arguments that keep all data in `reservation.folder/data`. */
  prepare(reservation: Reservation, origin: Launchable): Promise<Preparation>
  /** Resolves when the server at this address works, and rejects otherwise. */
  ask(address: string, extraAddresses: Server['extraAddresses']): Promise<void>
}

export interface Preparation {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export type Launchable = Extract<Availability, { from: 'path' | 'cache' | 'docker' }>
