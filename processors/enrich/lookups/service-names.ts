/**
 * Names of well-known service ports, by IANA's name, or by the product that is known to listen there.
 *
 * @see https://www.iana.org/assignments/service-names-port-numbers
 */

const tcpOnly =
  'ftp-data/20 ftp/21 ssh/22 telnet/23 smtp/25 whois/43 tacacs/49 gopher/70 finger/79 http/80 pop3/110 ident/113 nntp/119 imap/143 ' +
  'bgp/179 irc/194 https/443 microsoft-ds/445 submissions/465 exec/512 login/513 shell/514 printer/515 uucp/540 nntps/563 submission/587 ipp/631 ldp/646 ' +
  'rsync/873 ftps-data/989 ftps/990 telnets/992 imaps/993 pop3s/995 socks/1080 lotusnote/1352 ms-sql-s/1433 oracle/1521 ' +
  'pptp/1723 mqtt/1883 docker/2375 docker-s/2376 etcd-client/2379 etcd-server/2380 zookeeper/2181 git/9418 svn/3690 mysql/3306 iscsi-target/3260 ' +
  'epmd/4369 postgresql/5432 amqps/5671 amqp/5672 x11/6000 redis/6379 kubernetes/6443 irc-u/6667 ircs-u/6697 cassandra/9042 kafka/9092 kafka-s/9094 ' +
  'http-alt/8080 https-alt/8443 vault/8200 clickhouse-http/8123 prometheus/9090 node-exporter/9100 elasticsearch/9200 ' +
  'elasticsearch-transport/9300 memcache/11211 mongodb/27017 mongodb-shard/27018 mongodb-config/27019 secure-mqtt/8883 rtsp/554 ms-wbt-server/3389 ' +
  'vnc/5900 winrm/5985 winrm-s/5986 redshift/5439 neptune/8182 kubelet/10250 hadoop-namenode/8020 hdfs/9870 spark/7077 influxdb/8086 ' +
  'consul/8500 nfs-mountd/20048 rabbitmq-mgmt/15672 kibana/5601 nexus/8081 splunk-hec/8088 splunkd/8089 jdwp/5005 jmx/1099 ajp/8009 glassfish/4848 puppet/8140 ' +
  'salt-publish/4505 salt-request/4506 rundeck/4440 teamcity/8111 docker-registry/5000 xmpp-client/5222 xmpp-server/5269 cockroachdb/26257 couchdb/5984'
const udpOnly =
  'bootps/67 bootpc/68 tftp/69 ntp/123 netbios-ns/137 netbios-dgm/138 snmptrap/162 xdmcp/177 isakmp/500 syslog/514 rip/520 ' +
  'radius/1812 radius-acct/1813 l2f/1701 ssdp/1900 gtp-control/2123 gtp-user/2152 ipsec-nat-t/4500 sflow/6343 netflow/2055 ipfix/4739 mdns/5353 llmnr/5355 ' +
  'vxlan/4789 geneve/6081 openvpn/1194 wireguard/51820 statsd/8125 teredo/3544 quic/443 bfd-control/3784 coap/5683 ms-sql-m/1434 memcache/11211'
const both =
  'echo/7 discard/9 daytime/13 qotd/17 chargen/19 time/37 domain/53 kerberos/88 sunrpc/111 epmap/135 netbios-ssn/139 snmp/161 ldap/389 kpasswd/464 ' +
  'ldaps/636 kerberos-adm/749 domain-s/853 nfs/2049 ms-gc/3268 ms-gc-ssl/3269 stun/3478 stuns/5349 sip/5060 sips/5061 diameter/3868 afs3-fileserver/7000'

/** Service names by index; index 0 is no service. */
export const serviceNames: string[] = ['']
/** Index of the service by TCP port (also used for SCTP and DCCP), 0 for none. */
export const tcpServices = new Uint16Array(65_536)
/** Index of the service by UDP port, 0 for none. */
export const udpServices = new Uint16Array(65_536)

function register(list: string, tables: readonly Uint16Array[]): void {
  for (const entry of list.split(' ')) {
    const [name, port] = entry.split('/') as [string, string]
    let index = serviceNames.indexOf(name)
    if (index < 0) index = serviceNames.push(name) - 1
    for (const table of tables) if (table[Number(port)] === 0) table[Number(port)] = index
  }
}
register(tcpOnly, [tcpServices])
register(udpOnly, [udpServices])
register(both, [tcpServices, udpServices])
