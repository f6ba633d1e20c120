import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads whole topics with the Java client, read_committed, and prints: topic, partition, offset, key, value (base64; "-" for null), headers (name=base64, with commas). */
public class ReadCommitted {
  public static void main(String[] args) {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", args[0]);
    config.put("isolation.level", "read_committed");
    config.put("enable.auto.commit", false);
    config.put("auto.offset.reset", "earliest");
    Base64.Encoder base64 = Base64.getEncoder();
    StringBuilder out = new StringBuilder();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (int i = 1; i < args.length; i++) {
        List<TopicPartition> partitions = new ArrayList<>();
        consumer.partitionsFor(args[i]).forEach(p -> partitions.add(new TopicPartition(p.topic(), p.partition())));
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        long deadline = System.currentTimeMillis() + 60_000;
        while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
          if (System.currentTimeMillis() > deadline) throw new IllegalStateException("an open transaction blocks " + args[i]);
          for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200))) {
            out.append(r.topic()).append('\t').append(r.partition()).append('\t').append(r.offset()).append('\t')
              .append(r.key() == null ? "-" : base64.encodeToString(r.key())).append('\t')
              .append(r.value() == null ? "-" : base64.encodeToString(r.value())).append('\t');
            r.headers().forEach(h -> out.append(h.key()).append('=').append(base64.encodeToString(h.value())).append(','));
            out.append('\n');
            if (out.length() > 1 << 20) { System.out.print(out); out.setLength(0); }
          }
        }
      }
      System.out.print(out);
    }
  }
}
