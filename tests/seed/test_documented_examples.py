"""What the documents print, literally."""

from pylms import lms, lmscompile, stage


@lms
def power(b, x):
    if x == 0:
        return 1
    else:
        return b * power(b, x - 1)


@lms
def loop(n):
    x = 0
    while x < n:
        x = x + 1
    return x


def test_power_with_a_known_exponent_is_multiplications_only():
    code = lmscompile(lambda x: power(x, 3)).code
    assert repr(code) == "[['let', x0, ['*', in, 1]], ['let', x1, ['*', in, x0]], ['let', x2, ['*', in, x1]], x2]"


def test_a_loop_in_list_form():
    assert repr(lmscompile(loop).code) == (
        "[['let', x0, ['new_var']], ['let', x1, ['assign', x0, 0]], "
        "['let', x2, ['while', [['let', x2, ['read', x0]], ['let', x3, ['<', x2, in]], x3], "
        "[['let', x2, ['read', x0]], ['let', x3, ['+', x2, 1]], ['let', x4, ['assign', x0, x3]], None]]], "
        "['let', x3, ['read', x0]], x3]"
    )


def test_lmscompile_can_be_called():
    assert lmscompile(lambda x: power(x, 3))(5) == 125


def test_code_of_a_staged_function():
    @stage
    def power3(x):
        return power(x, 3)

    assert power3.code == "(def power3 (in) (begin (let x0 (* in 1) (let x1 (* in x0) (let x2 (* in x1) x2)))))"


def test_src_of_the_loop():
    assert loop.src == (
        "def loop(n):\n"
        "    x = __var()\n"
        "    __assign(x, 0)\n"
        "    def cond$1():\n"
        "        return __read(x) < n\n"
        "    def body$1():\n"
        "        __assign(x, __read(x) + 1)\n"
        "    __while(cond$1, body$1)\n"
        "    return __return(__read(x))"
    )


def test_original_src_is_what_the_user_wrote():
    assert loop.original_src.startswith("@lms\ndef loop(n):\n    x = 0\n")


def test_generated_code_of_power3_is_two_checked_multiplications():
    @stage
    def power3(x):
        return power(x, 3)

    assert power3.Ccode.count("__builtin_mul_overflow") == 2
    assert power3.Ccode.count("*=") == 0


def test_without_checks_or_on_floats_it_is_two_plain_multiplications():
    @stage(checks=False)
    def unchecked(x):
        return power(x, 3)

    @stage
    def floating(x: float):
        return power(x, 3)

    for function in (unchecked, floating):
        body = function.Ccode.split("pylms_entry")[0]
        assert "overflow" not in body
        assert body.count(" * ") == 2, body


def test_decorated_functions_are_plain_outside_staging():
    assert power(2, 10) == 1024
    assert loop(5) == 5
    assert power("ab", 0) == 1
