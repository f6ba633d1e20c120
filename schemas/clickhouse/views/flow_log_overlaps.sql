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
-- whole until the other was. Where the choice changes at a half hour that records of the former reach over, of the latter counts what begins after
-- the last minute of those, and that is incomplete as well. The half hour before the time is looked at too, so that this is the same for every time. counted: the flow log that counts (the first one); flow_logs: those with records in the slot, by that order
-- (s3:// with bucket and first folder for objects whose name has no flow log); repeated: interface and object
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
  -- slot by slot: place, is later, id, records, bytes, members of each flow log
  SELECT part.1 AS at, observer, rejected, any(winner) AS counted, any(lacking) AS incomplete, any(begin) AS until,
    arraySort(groupArray((log.1, log.2, log.3, part.2, part.3, part.4))) AS logs, arrayFilter(x -> (x.1 > 1) > x.2, logs) AS others
  FROM (
    SELECT observer, rejected, winner,
      -- a choice that is not the one of every other stretch, at a border that records reach over, is exact but for their bytes
      greatest(ranked[1].1, least(bordering, winner != preferred), relieves) AS lacking,
      multiIf(meets, intDiv(ranked[1].7, 60) * 60 + 60, relieves, intDiv(previous_last, 60) * 60 + 60, 0) AS begin,
      arrayJoin(arrayMap((x, place) -> (place, if(place = 1, relieves, least(meets, x.6 = second)), x.6, x.10), ranked, arrayEnumerate(ranked))) AS log
    FROM (
      -- one that counts after another one, whose records reach over the half hour between them: what begins before their end is in them
      SELECT observer, rejected, bordering, preferred, second, meets, ranked, ranked[1].6 AS winner,
        lagInFrame(ranked[1].6) OVER stretches AS previous, lagInFrame(ranked[1].7) OVER stretches AS previous_last,
        least(NOT meets, previous != '', previous != winner, previous_last >= stretch, bordering) AS relieves
      FROM (
        SELECT observer, rejected, stretch, bordering, preferred, second, least(second != '', first != '', all[1].1) AS meets,
          arraySort(x -> (least(meets, x.6 != first), x.1, x.2, x.3, x.4, x.5), all) AS ranked
        FROM (
          SELECT observer, rejected, stretch, bordering, preferred, all, arrayFirst(x -> x.8, all).6 AS first, arrayFirst(x -> x.9, all).6 AS second
          FROM (
            -- of a flow log: lacks some, bytes if so, columns, no id, id, id, last second, is there at the beginning only, at the end only, slots
            SELECT observer, rejected, stretch, bordering, arraySort(x -> (-toInt64(x.2), startsWith(x.1, 's3:'), x.1), stretches)[1].1 AS preferred,
              arraySort(x -> (x.1, x.2, x.3, x.4, x.5), arrayMap((x, lacks) -> (
                lacks, if(lacks, -x.6, 0), -toInt64(x.2), startsWith(x.1, 's3:'), x.1, x.1, x.10,
                x.9 > greatest(x.8, x.3, x.4), x.8 > greatest(x.9, x.3, x.4), x.11
              ), stretches, arrayMap(x -> greatest(x.8, x.9, x.3, x.4, if(x.5, most, most_named) > x.7), stretches))) AS all
            FROM (
              SELECT observer, rejected, stretch, max(borders) AS bordering, max(least_bytes) AS most, max(if(bare, 0, least_bytes)) AS most_named,
                groupArray((flow_log_id, columns, lossy, broken, bare, least_bytes, most_bytes, begins, ends, last, slots)) AS stretches
              FROM (
                SELECT observer, rejected, stretch, log.1 AS flow_log_id, max(log.2) AS columns, max(log.3) AS lossy, max(log.4) AS broken, max(log.5) AS bare,
                  toInt64(sum(log.7) - sum(log.10)) AS least_bytes, toInt64(sum(log.7) + sum(if(at = stretch, log.11, 0))) AS most_bytes,
                  max(least(before = at - 300, before_filled, NOT has(before_ids, cityHash64(log.1)))) AS begins,
                  max(least(after = at + 300, after_filled, NOT has(after_ids, cityHash64(log.1)))) AS ends,
                  max(log.9) AS last, groupArray((at, log.6, log.7, log.8)) AS slots,
                  max(log.10 + if(at = stretch, log.11, 0) > 0) AS borders
                FROM (
                  -- one row a slot; ids are hashes, because text is slow to take from a neighbour
                  SELECT observer, rejected, at, logs,
                    max(if(greatest(at % 1800 = 0, NOT joined), at, 0)) OVER (PARTITION BY observer, rejected ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch,
                    lagInFrame(at) OVER beside AS before, lagInFrame(filled) OVER beside AS before_filled, lagInFrame(ids) OVER beside AS before_ids,
                    leadInFrame(at) OVER beside AS after, leadInFrame(filled) OVER beside AS after_filled, leadInFrame(ids) OVER beside AS after_ids,
                    min(first_id) OVER whole AS least_id, max(last_id) OVER whole AS greatest_id
                  FROM (
                    SELECT observer, rejected, toInt64(toUnixTimestamp(slot)) AS at, max(carried) AS joined, max(records > 0) AS filled,
                      groupArray(cityHash64(flow_log_id)) AS ids, min(flow_log_id) AS first_id, max(flow_log_id) AS last_id,
                      groupArray((flow_log_id, columns, lossy, broken, bare, records, bytes, members, last, leaving, entering)) AS logs
                    FROM {database}.flow_log_presence(
                      from = toString(toDateTime(greatest(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 1800) * 1800, 2100) - 2100, 'UTC'), 'UTC'),
                      to = toString(toDateTime(least((intDiv(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 1800) + 1) * 1800 + 300, 4294967295), 'UTC'), 'UTC')
                    )
                    GROUP BY observer, rejected, slot
                  )
                  WINDOW beside AS (PARTITION BY observer, rejected ORDER BY at ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING),
                    whole AS (PARTITION BY observer, rejected)
                )
                ARRAY JOIN logs AS log
                WHERE least_id != greatest_id
                GROUP BY observer, rejected, stretch, log.1
              )
              GROUP BY observer, rejected, stretch
            )
          )
        )
      )
      WINDOW stretches AS (PARTITION BY observer, rejected ORDER BY stretch)
    )
  )
  ARRAY JOIN log.4 AS part
  GROUP BY at, observer, rejected
  HAVING length(logs) + logs[1].1 > 2
)
WHERE {in_order:flow_log_overlaps} AND least(slot >= first_slot, slot <= last_slot)
SETTINGS join_use_nulls = 0;
