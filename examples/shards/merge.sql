-- Asked of the rows of all shards, which are in the table `rows`.
SELECT
    month,
    sum(readings) AS readings,
    round(sum(sum_of_both) / 2.0 / sum(readings) / 10, 2) AS mean,
    min(coldest) / 10.0 AS coldest,
    max(hottest) / 10.0 AS hottest,
    sum(frosts) AS frosts,
    round(sum(rain) / 10.0 / sum(readings), 2) AS rain_a_day
FROM rows
GROUP BY month
ORDER BY month
