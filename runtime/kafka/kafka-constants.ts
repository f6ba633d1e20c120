/** Numbers of the Kafka protocol that admin calls need. */
export const ConfigResourceTypes = { topic: 2 } as const
