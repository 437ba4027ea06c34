"""What is remembered on the way through a thing, so that each part of it is taken apart a few times at most."""

import hashlib

__all__ = ["Shared", "Walk", "digest"]

_MOST_PARTS = 3_000_000


def digest(described):
    """Digest lists, texts and numbers whose repr is the same in every process."""
    return hashlib.sha256(repr(described).encode("utf-8", "surrogatepass")).hexdigest()


class Walk:
    """A way through a thing: numbers for all that was met, which end circles, and the tuples that are done.

    What Python may share or not as it likes, such as texts and tuples, has no number.
    """

    __slots__ = ("numbers", "shared", "tuples")

    def __init__(self, shared):
        self.shared = shared
        self.numbers = {}
        self.tuples = {}

    def meet(self, thing, name=None):
        """Give the number of what was met before; give a number to what was not, and return None."""
        place = id(thing) if name is None else (id(thing), name)
        if place in self.numbers:
            return self.numbers[place][0]
        # the thing too: once it is gone, another one may get its id
        self.numbers[place] = (len(self.numbers), thing)
        return None

    def named(self, pairs):
        """Go through names and parts, and leave behind the name of the one at which an error came."""
        for name, part in pairs:
            self.shared.trail.append(name)
            yield name, part
            self.shared.trail.pop()

    def tuple(self, thing, take):
        """Take a tuple apart, once more only where the first time met something new in it."""
        if id(thing) not in self.tuples:
            n_met = len(self.numbers)
            found = digest(["tuple", [take(item, self) for item in thing]])
            if len(self.numbers) > n_met:
                return found
            self.tuples[id(thing)] = (found, thing)
        return self.tuples[id(thing)][0]


class Shared:
    """What all the walks for one key know: the items of sets above all.

    Items of a set have no order, so that none may count what another has met: each is described
    by a walk of its own, in which the items of sets count by their colour. A colour is at first
    the name of the item's class, then the digest of what the walk found, and so on until that
    tells no more items apart. Items in circles, which know each other, need that.
    """

    def __init__(self):
        self.n_parts = 0
        self.trail = []
        self.leaves = {}
        self.reduced = {}
        self.items = {}
        self.colours = {}
        self.settled = set()
        self.is_settled = True

    def count(self):
        """Count a part, and stop where there are too many of them."""
        self.n_parts += 1
        if self.n_parts > _MOST_PARTS:
            raise ValueError(f"it has more than {_MOST_PARTS:,} parts; give it a cache_key")

    def once(self, known, thing, make):
        """Give what was made of a thing before, or make it."""
        if id(thing) not in known:
            known[id(thing)] = (make(), thing)
        return known[id(thing)][0]

    def colour(self, item):
        """Give the colour of a set's item, as far as it is known."""
        if id(item) not in self.items:
            self.items[id(item)] = item
            self.colours[id(item)] = digest([type(item).__module__, type(item).__qualname__])
        if id(item) not in self.settled:
            self.is_settled = False
        return self.colours[id(item)]

    def unsettled(self):
        """Give the colours of items in circles, which tell more together than one by one."""
        return sorted(colour for place, colour in self.colours.items() if place not in self.settled)

    def refine(self, take):
        """Describe items once more, and tell whether that told more of them apart."""
        before, colours, settled = self._state(), {}, set()
        for place in [place for place in self.items if place not in self.settled]:
            self.is_settled = True
            self.trail.append("an item of a set")
            found = take(self.items[place], Walk(self))
            self.trail.pop()
            if self.is_settled:
                settled.add(place)
            colours[place] = found if self.is_settled else digest([self.colours[place], found])
        self.colours.update(colours)
        self.settled |= settled
        return self._state() != before

    def _state(self):
        return len(self.items), len(self.settled), len(set(self.colours.values()))
