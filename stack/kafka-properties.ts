import type { Ports } from './ports.ts'

/** The TLS listener of the broker: its key store and the login that is allowed. */
export interface KafkaTlsStore {
  keyStoreFile: string
  keyStorePassword: string
  /** Turns on the authorizer: who comes by the plain listener, or with this name, may do everything; others what ACLs allow. */
  superUser?: string
}

/**
 * Writes the configuration of the one broker, which is its own controller (KRaft), as `server.properties`.
 *
 * @param dataFolder Where it keeps its logs.
 * @param tls Adds a listener with TLS and SCRAM-SHA-512.
 */
export function kafkaProperties(ports: Ports, dataFolder: string, tls?: KafkaTlsStore): string {
  const listeners = [`PLAINTEXT://127.0.0.1:${ports.kafka}`, `CONTROLLER://127.0.0.1:${ports.kafkaController}`]
  const advertised = [`PLAINTEXT://127.0.0.1:${ports.kafka}`]
  if (tls !== undefined) {
    listeners.push(`SASL_SSL://127.0.0.1:${ports.kafkaTls}`)
    // A name, not an address: clients put it into the TLS server name, where addresses are not allowed.
    advertised.push(`SASL_SSL://localhost:${ports.kafkaTls}`)
  }
  return [
    '# Written by the local stack at each start; changes here are lost.',
    `listeners=${listeners.join(',')}`,
    `advertised.listeners=${advertised.join(',')}`,
    `controller.quorum.voters=1@127.0.0.1:${ports.kafkaController}`,
    `log.dirs=${dataFolder}`,
    fixedProperties,
    ...(tls === undefined ? [] : tlsProperties(tls)),
    '',
  ].join('\n')
}

const tlsProperties = (tls: KafkaTlsStore): string[] => [
  `ssl.keystore.location=${tls.keyStoreFile}`,
  'ssl.keystore.type=PKCS12',
  `ssl.keystore.password=${tls.keyStorePassword}`,
  `ssl.key.password=${tls.keyStorePassword}`,
  'sasl.enabled.mechanisms=SCRAM-SHA-512',
  'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
  ...(tls.superUser === undefined
    ? []
    : [
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        `super.users=User:ANONYMOUS;User:${tls.superUser}`,
      ]),
]

const fixedProperties = `process.roles=broker,controller
node.id=1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT

# one node
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
num.partitions=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# With the default of 9000 the registration of a killed broker blocks its successor for as long.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300

# small
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=1
queued.max.requests=64

# compaction shows within seconds
log.cleaner.enable=true
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.io.buffer.size=524288
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=5000
log.initial.task.delay.ms=500
log.segment.delete.delay.ms=1000

# transactions
transaction.max.timeout.ms=900000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
`
