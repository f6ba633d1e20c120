import type { Stack } from './local-stack.ts'

/**
 * The settings that point flowloom to a stack, as environment variables.
 *
 * With TLS the brokers are those of the TLS listener, and the password is given by value: it is that of a local stack.
 */
export function stackEnvironment(stack: Pick<Stack, 'endpoints' | 'kafkaTls'>): Record<string, string> {
  const { endpoints, kafkaTls } = stack
  return {
    FLOWLOOM_KAFKA_BROKERS: (endpoints.kafkaTlsBrokers ?? endpoints.kafkaBrokers).join(','),
    ...(kafkaTls === undefined
      ? {}
      : {
          FLOWLOOM_KAFKA_TLS: 'true',
          FLOWLOOM_KAFKA_TLS_CA_FILE: kafkaTls.caFile,
          FLOWLOOM_KAFKA_SASL_MECHANISM: kafkaTls.mechanism,
          FLOWLOOM_KAFKA_USERNAME: kafkaTls.username,
          FLOWLOOM_KAFKA_PASSWORD: kafkaTls.password,
        }),
    FLOWLOOM_REGISTRY_URL: endpoints.registryUrl,
    FLOWLOOM_S3_ENDPOINT: endpoints.s3Endpoint,
    FLOWLOOM_S3_PATH_STYLE: 'true',
    FLOWLOOM_S3_ACCESS_KEY_ID: 'local',
    FLOWLOOM_S3_SECRET_ACCESS_KEY: 'local',
    FLOWLOOM_CLICKHOUSE_URL: endpoints.clickhouseUrl,
  }
}
