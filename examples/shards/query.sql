-- Asked of each shard. What can't be added up (a mean) is asked for in parts that can (a sum and a count).
SELECT
    substr(day, 1, 7) AS month,
    count(*) AS readings,
    sum(low + high) AS sum_of_both,
    min(low) AS coldest,
    max(high) AS hottest,
    sum(low < 0) AS frosts,
    sum(rain) AS rain
FROM reading JOIN station ON station.id = reading.station
WHERE altitude < 1000
GROUP BY month
