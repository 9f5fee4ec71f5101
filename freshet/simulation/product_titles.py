"""Product titles: categories, brands and makes of the simulated outdoor shop."""

# (category, noun in a title, base price, month with the highest demand; 0 = no season).
CATEGORIES = (
    ("tents", "tent", 240.0, 6),
    ("sleeping bags", "sleeping bag", 140.0, 6),
    ("mats", "mat", 70.0, 6),
    ("stoves", "stove", 60.0, 0),
    ("fuel", "gas cartridge", 8.0, 0),
    ("cookware", "cook set", 35.0, 0),
    ("mugs", "mug", 14.0, 0),
    ("bottles", "bottle", 22.0, 7),
    ("filters", "water filter", 45.0, 7),
    ("torches", "head torch", 38.0, 12),
    ("backpacks", "backpack", 150.0, 0),
    ("rain jackets", "rain jacket", 180.0, 11),
    ("fleeces", "fleece", 75.0, 1),
    ("base layers", "base layer", 48.0, 1),
    ("trousers", "trousers", 85.0, 0),
    ("boots", "boots", 170.0, 10),
    ("socks", "socks", 17.0, 0),
    ("gaiters", "gaiters", 42.0, 1),
    ("poles", "trekking poles", 80.0, 5),
    ("maps", "map case", 19.0, 5),
)
CONSUMABLES = ("fuel", "filters", "socks")  # used up, and bought again
BRANDS = ("Norrland", "Alpino", "Brezza", "Kestrel", "Tarn", "Firnline")
MAKES = ("light", "classic", "storm", "compact", "expedition", "trail", "winter", "summit")


def item_title(category: int, brand: int, make: int, mark: int) -> str:
    """Return a title such as "Norrland storm tent"; makes beyond MAKES get a number, successors a mark."""
    make_suffix = f" {make // len(MAKES) + 1}" if make >= len(MAKES) else ""
    mark_suffix = f" mark {mark + 1}" if mark else ""
    return f"{BRANDS[brand]} {MAKES[make % len(MAKES)]} {CATEGORIES[category][1]}{make_suffix}{mark_suffix}"
