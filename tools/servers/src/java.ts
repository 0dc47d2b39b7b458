import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The Debian packages with every jar that a single ZooKeeper server loads. */
export const zooKeeperPackages: readonly string[] = [
  'libzookeeper-java',
  'libslf4j-java',
  'libdropwizard-metrics-java',
  'libsnappy-java',
  'libnetty-java',
]

/** Flags for a small JVM that starts fast, because it shares two cores with other busy processes. */
export const javaFlags: readonly string[] = [
  '-Xmx96m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
]

/** The command that starts ZooKeeper from a folder of jars; the configuration file follows it. */
export function javaCommand(java: string, jars: string): [string, ...string[]] {
  const classPath = jarNames.map(name => join(jars, `${name}.jar`)).filter(existsSync)
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  return [java, ...javaFlags, '-cp', classPath.join(':'), main]
}

// Debian's zookeeper.jar contains the installed paths of its dependencies. It comes last, so that the jars beside it win.
const jarNames = [
  'slf4j-api',
  'slf4j-simple',
  'metrics-core',
  'snappy-java',
  'netty-common',
  'netty-buffer',
  'netty-resolver',
  'netty-transport',
  'netty-codec',
  'netty-handler',
  'netty-transport-native-unix-common',
  'netty-transport-native-epoll',
  'zookeeper-jute',
  'zookeeper',
]
