"""Classes inside: bodies that run control flow and read cells, private names, super."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors

from tests.virtualize.corpus.record import case


@case((2,))
def class_inside(n):
    base = n
    base += 1

    class A:
        x = base
        ys = [base for _ in range(2)]
        if x > 2 and not x > 5:
            kind = "large"
        else:
            kind = "small"
        for i in range(2):
            x += i
        while x < 0:
            x += 1
        label = f"{x:>3}" if x else ""

        def __init__(self, value):
            self.__value = value
            while self.__value < base:
                self.__value += 1

        @property
        def value(self):
            if self.__value > 2:
                return self.__value
            return -1

        @staticmethod
        def static(a, b=x):
            return a and b

        @classmethod
        def make(cls):
            return cls(0)

    class B(A):
        def __init__(self):
            for start in (1, 2):
                if start == 2:
                    super().__init__(start)

        @property
        def value(self):
            inner = super().value
            return ("B", inner) if inner else __class__.__name__

        def tail(self):
            if self:
                return super(B, self).value
            return None

    return A.x, A.ys, A.kind, A.label, A.make().value, A.static(1), B().value, B().tail(), B.__qualname__[-1]


@case((1,), (0,))
def super_after_reassigning_self(n):
    class A:
        def name(self):
            return "A"

    class B(A):
        def name(self):
            self = self if n else B()
            if n:
                return "B" + super().name()
            return [super().name() for _ in [1]] if n else super().name()

    return B().name()


@case(())
def class_body_scoping():
    x = "function"
    x += "!"

    class A:
        y = x
        x = "class"
        z = x

        def read(self):
            return x

    return A.y if hasattr(A, "y") else None, A.z, A().read()


@case(())
def class_body_nonlocal():
    x = 1

    class A:
        nonlocal x
        x = x + 1
        y = x

    return x, A.y
