/** The minute in which the newest of them arrived, as the rollups tell minutes: who sends is seen before its spans count. */
export const NEWEST_WAITING = "toStartOfMinute(toDateTime(intDiv(max(ReceivedAtNs), 1000000000), 'UTC'))";
