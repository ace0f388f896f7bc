import pytest

from engine.dockerfile.effects import Effects
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import DockerfileError
from engine.oci.config import ProcessDefaults


def after(text, *, variables=None, **defaults):
    effects = Effects(ProcessDefaults(**defaults))
    for instruction in read_instructions(parse(text.encode())):
        effects = effects.after(instruction, {**(variables or {}), **effects.environment})
    return effects.defaults


def test_the_pairs_of_one_instruction_do_not_see_each_other():
    assert after("ENV A=1\nENV A=2 B=$A\nENV C=$A").env == ("A=2", "B=1", "C=2")


def test_variables_do_not_become_environment():
    assert after("ENV P=$X", variables={"X": "1"}).env == ("P=1",)


def test_a_set_variable_keeps_its_place():
    assert after("ENV A=2", env=("A=1", "B=1")).env == ("A=2", "B=1")


def test_the_shell_form_is_given_to_the_shell_that_stands():
    defaults = after('SHELL ["/bin/bash", "-c"]\nCMD echo $A')

    assert defaults.command == ("/bin/bash", "-c", "echo $A")
    assert defaults.shell == ("/bin/bash", "-c")


def test_an_entrypoint_drops_the_command_of_the_image_below():
    assert after('ENTRYPOINT ["/x"]', command=("old",)).command == ()


def test_an_entrypoint_keeps_the_command_of_the_same_file():
    defaults = after('CMD ["a"]\nENTRYPOINT ["/x"]', command=("old",))

    assert defaults.command == ("a",)


def test_an_empty_command_resets_it():
    assert after("CMD []", command=("old",)).command == ()


@pytest.mark.parametrize(
    ("before", "path", "expected"),
    [
        ("", "a", "/a"),
        ("/a", "b", "/a/b"),
        ("/a", "../b", "/b"),
        ("/a", "/b/", "/b"),
        ("/a", "../../..", "/"),
        ("", "//x", "/x"),
        ("/a", "b c", "/a/b c"),
    ],
)
def test_a_working_directory_stands_on_the_one_before(before, path, expected):
    assert after(f"WORKDIR {path}", working_dir=before).working_dir == expected


def test_ports_are_listed_once_and_ranges_one_by_one():
    assert after("EXPOSE 80 80/tcp 7-9/udp").exposed_ports == (
        "80/tcp",
        "7/udp",
        "8/udp",
        "9/udp",
    )


def test_words_that_a_variable_brings_are_ports_of_their_own():
    assert after("EXPOSE $P", variables={"P": "1 2/udp"}).exposed_ports == ("1/tcp", "2/udp")


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("ENV A=${", 7, "'}' is missing"),
        ("ENV A=1 B=${A!}", 11, "'!' is no modifier"),
        ("ENV $N=1", 5, "can not be blank"),
        ("LABEL A=${B:?gone}", 9, "B: gone"),
        ("EXPOSE 80 http", 11, "invalid containerPort: http"),
        ("EXPOSE 9-8", 8, "invalid containerPort: 9-8"),
        ("STOPSIGNAL $N", 12, "invalid signal"),
        ("VOLUME /a $N", 11, "empty string"),
    ],
)
def test_what_cannot_be_is_refused_at_its_word(text, column, reason):
    with pytest.raises(DockerfileError, match=reason.replace("$", r"\$")) as caught:
        after(text)

    assert (caught.value.line, caught.value.column) == (1, column)


def test_a_trigger_cannot_bring_a_here_document():
    with pytest.raises(DockerfileError, match="later build"):
        after("ONBUILD RUN <<E\nx\nE")
