/** Seeds of networks that once got a wrong answer; they are asked about each time. */
export const failingSeeds: readonly number[] = [
  // regional NAT gateways that only a format without directions names
  85, 10_248,
  // firewalls in formats without directions: taught the addresses of their clients
  92, 111, 282, 482,
  // firewalls: held the addresses that they passed on
  46, 356, 357,
  // formats with one of the two packet addresses: halves of a conversation did not meet
  146, 161, 183, 328, 331,
  // pods in a VPC whose own range is not private, without directions
  215, 443, 480,
  // a regional gateway that only the flow log without flags names
  359,
  // gaps
  5, 320,
]
