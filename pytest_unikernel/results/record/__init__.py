"""The record of a load: what it may hold, as types; checks by them; the JSON Schema that is made of them."""
