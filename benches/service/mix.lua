-- The mix of requests that wrk sends: six products, three searches, an order of four lines.
local n = 0
local names = { "tea", "tofu", "noodles", "sauce", "dates" }
local order = '[{"product":7,"count":3},{"product":11,"count":12},{"product":500,"count":1},{"product":999,"count":40}]'
local headers = { ["Content-Type"] = "application/json" }

request = function()
  n = n + 1
  local kind = n % 10
  if kind < 6 then return wrk.format("GET", "/products/" .. (n * 7919 % 1000)) end
  if kind < 9 then return wrk.format("GET", "/search?q=" .. names[1 + n % 5]) end
  return wrk.format("POST", "/orders", headers, order)
end
