-- Which of several flow logs counts: one that has the whole traffic before one that lacks some of it. What several flow logs saw of an interface is the
-- same traffic, so one with fewer bytes lacks some: it began or ended there, an object did not come or could not be read, or records were lost.
--
-- Interfaces with several flow logs in one slot, and which of them counts. Slots that a record reaches over are decided together, as one stretch, at
-- most to the half hour by the clock; all flow logs that have a stretch whole have the same bytes in it. A flow log lacks some of a stretch if another
-- has more bytes than it can have (short), if it has no record in a slot of it, or next to it, in which another has some (partial), or if it is
-- lossy or broken. Of those that lack nothing the one with the wider format counts, then by id: nothing in this order changes with the number of
-- records, so that the choice stays the same. Where each lacks some, the one with most bytes counts, and incomplete is 1: the true bytes are that
-- many or more. Where one ends in a stretch in which another begins (and neither is lossy or broken), the first one counts, and of the second one
-- the records that begin after the last minute of the first one; that is incomplete too, since nobody knows whether the one was
-- whole until the other was. counted: the flow log that counts (the first one); flow_logs: those with records in the slot, by that order; repeated: interface and object
-- of records that do not count; until: of those in `later` the records do not count that begin before. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_log_overlaps AS
WITH
  toStartOfFiveMinutes({from:DateTime('UTC')}) AS first_slot,
  toStartOfFiveMinutes(toDateTime(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 'UTC')) AS last_slot
SELECT toDateTime(at, 'UTC') AS slot, observer, rejected, arrayMap(x -> x.3, logs) AS flow_logs, counted,
  arrayMap(x -> x.4, logs) AS records, arrayMap(x -> x.5, logs) AS bytes,
  arraySum(x -> x.4, others) AS repeated_records, arraySum(x -> x.5, others) AS repeated_bytes, arrayFlatten(arrayMap(x -> x.6, others)) AS repeated,
  incomplete, arrayFlatten(arrayMap(x -> x.6, arrayFilter(x -> x.2, logs))) AS later, until
FROM (
  SELECT at, observer, rejected, counted, incomplete, until, logs, arrayFilter(x -> (x.1 > 1) > x.2, logs) AS others
  FROM (
    SELECT part.1 AS at, observer, rejected, any(winner) AS counted, any(lacking) AS incomplete, any(begin) AS until,
      arraySort(groupArray((place, is_later, id, part.2, part.3, part.4))) AS logs
    FROM (
      SELECT observer, rejected, winner, lacking, begin, log.1 AS place, log.2 AS is_later, log.3 AS id, arrayJoin(log.4) AS part
      FROM (
        SELECT observer, rejected, winner,
          -- a choice that is not the one of every other stretch, at a border that records reach over, is exact but for their bytes
          greatest(lacks, least(bordering, winner != preferred)) AS lacking,
          if(meets, intDiv(last, 60) * 60 + 60, 0) AS begin,
          arrayJoin(arrayMap((x, place) -> (place, least(meets, x.6 = second), x.6, x.10), ranked, arrayEnumerate(ranked))) AS log
        FROM (
          SELECT observer, rejected, bordering, preferred, second, meets, ranked, ranked[1].1 AS lacks, ranked[1].6 AS winner, ranked[1].7 AS last
          FROM (
            SELECT observer, rejected, bordering, preferred, second, meets, if(meets, arraySort(x -> (x.6 != first, x.1, x.2, x.3, x.4, x.5), all), all) AS ranked
            FROM (
              SELECT observer, rejected, bordering, preferred, all, first, second, least(second != '', first != '', all[1].1) AS meets
              FROM (
                SELECT observer, rejected, bordering, preferred, all, arrayFilter(x -> x.8, all)[1].6 AS first, arrayFilter(x -> x.9, all)[1].6 AS second
                FROM (
                  -- of a flow log: lacks some, bytes if so, columns, no id, id, id, last second, is there at the beginning only, at the end only, slots
                  SELECT observer, rejected, bordering, arraySort(x -> (-toInt64(x.2), x.1 = '', x.1), stretches)[1].1 AS preferred,
                    arraySort(arrayMap((x, lacks) -> (
                      lacks, if(lacks, -x.6, 0), -toInt64(x.2), x.1 = '', x.1, x.1, x.10,
                      x.9 > greatest(x.8, x.3, x.4), x.8 > greatest(x.9, x.3, x.4), x.11
                    ), stretches, lacking)) AS all
                  FROM (
                    SELECT observer, rejected, bordering, stretches,
                      arrayMap(x -> greatest(x.8, x.9, x.3, x.4, if(x.5, most, most_named) > x.7), stretches) AS lacking
                    FROM (
                      SELECT observer, rejected, max(borders) AS bordering, max(least_bytes) AS most, max(if(bare, 0, least_bytes)) AS most_named,
                        groupArray((flow_log_id, columns, lossy, broken, bare, least_bytes, most_bytes, begins, ends, last, slots)) AS stretches
                      FROM (
                        SELECT observer, rejected, stretch, r.2 AS flow_log_id, max(r.3) AS columns, max(r.4) AS lossy, max(r.5) AS broken, max(r.6) AS bare,
                          toInt64(sum(r.8) - sum(r.12)) AS least_bytes, toInt64(sum(r.8) + sum(if(r.1 = stretch, r.13, 0))) AS most_bytes,
                          max(begin) AS begins, max(end) AS ends, max(r.10) AS last, groupArray((r.1, r.7, r.8, r.9)) AS slots,
                          max(r.12 + if(r.1 = stretch, r.13, 0) > 0) AS borders
                        FROM (
                          SELECT observer, rejected, r, arrayMax(arrayFilter(x -> x <= r.1, starts)) AS stretch,
                            has(filled, r.1 - 300) > has(pairs, (r.1 - 300, r.2)) AS begin,
                            has(filled, r.1 + 300) > has(pairs, (r.1 + 300, r.2)) AS end
                          FROM (
                            SELECT observer, rejected, filled, pairs, arrayFilter(x -> greatest(x % 1800 = 0, NOT has(joined, x)), times) AS starts,
                              arrayJoin(arrayFilter(x -> intDiv(x.1, 1800) = block, rows)) AS r
                            FROM (
                              SELECT observer, rejected, block,
                                groupArray((at, flow_log_id, columns, lossy, broken, bare, records, bytes, members, last, carried, leaving, entering)) AS rows,
                                groupUniqArrayIf(at, records > 0) AS filled, groupArray((at, flow_log_id)) AS pairs, groupUniqArray(at) AS times,
                                groupUniqArrayIf(at, carried) AS joined
                              FROM (
                                -- a slot stands beside the half hour before it, or after it, too
                                SELECT at, observer, rejected, flow_log_id, columns, lossy, broken, bare, records, bytes, members, last, carried, leaving, entering,
                                  arrayJoin(arrayDistinct([intDiv(at, 1800), intDiv(at - 300, 1800), intDiv(at + 300, 1800)])) AS block
                                FROM (
                                  SELECT *, toInt64(toUnixTimestamp(slot)) AS at
                                  FROM {database}.flow_log_presence(
                                    from = toString(toDateTime(greatest(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 1800) * 1800, 300) - 300, 'UTC'), 'UTC'),
                                    to = toString(toDateTime(least((intDiv(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 1800) + 1) * 1800 + 300, 4294967295), 'UTC'), 'UTC')
                                  )
                                )
                              )
                              GROUP BY observer, rejected, block
                              HAVING uniqExact(flow_log_id) > 1
                            )
                          )
                        )
                        GROUP BY observer, rejected, stretch, flow_log_id
                      )
                      GROUP BY observer, rejected, stretch
                      HAVING count() > 1
                    )
                  )
                )
              )
            )
          )
        )
      )
    )
    GROUP BY at, observer, rejected
    HAVING length(logs) + logs[1].1 > 2
  )
)
WHERE least(slot >= first_slot, slot <= last_slot)
SETTINGS join_use_nulls = 0;
