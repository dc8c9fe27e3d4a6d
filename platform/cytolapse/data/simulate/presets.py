"""The numbers of each preset. `musc` follows measurements on the gold masks and markers of BF-C2DL-MuSC."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cytolapse.registry import Registry

Table = tuple[float, float, float, float, float, float]  # values at draws.QUANTILES


@dataclass(frozen=True)
class Lineage:
    """Who divides when; frames of the full movie (other lengths scale them)."""

    founders: int
    first: int  # frame of the first division
    early: tuple[int, ...]  # cycle lengths of the first cells born: they decide how full the movie gets
    cycle: Table  # cycle lengths of all others
    rest: float  # share of newborn cells that never divide again
    death: float  # share of newborn cells that die or leave before they divide
    most: int  # cells alive at once; beyond it newborn cells leave


@dataclass(frozen=True)
class Motion:
    """How cells move; px and frames."""

    step: float  # scale of the step
    spread: float  # of the slow logarithmic change of speed: heavy tails
    keep: float  # correlation of velocity from frame to frame
    apart: float  # centres of bodies keep this distance
    daughters: float  # distance of newborn sisters
    cohesion: float = 0.0  # pull towards the nearest cells, px a frame
    jitter: float = 0.6  # of the stage, px, every frame
    jump: float = 6.0  # of the stage, px, now and then


@dataclass(frozen=True)
class Shapes:
    """What outlines look like: body and processes against the rank of spreading (0 = round, 1 = fully spread)."""

    body: Table  # px2
    reach: Table  # summed length of both main processes, px
    aspect: Table  # of the body
    rough: Table  # relative amplitude of the outline's waves
    width: tuple[float, float] = (4.5, 9.0)  # of a process, px
    varied: float = 0.22  # of the body area for its rank, logarithmic
    branch: float = 0.3  # chance of each side process
    mitotic: float = 400.0  # area of a cell rounded for mitosis, px2
    newborn: float = 330.0  # area of a newborn cell, px2
    hold: int = 14  # frames from one drawn shape to the next


@dataclass(frozen=True)
class Light:
    """The picture: grey values are 8 bit."""

    means: tuple[float, ...]  # background after each media change
    slope: tuple[float, float]  # background over the frame, top to bottom and left to right
    curve: float  # background at the corners against the centre
    angle: float  # from where the light comes obliquely, radians
    relief: float  # contrast of slopes in that direction
    focus: float  # contrast of curvature
    core: float  # brightness of thick cells, which act as lenses
    ring: float  # darkness of their rim
    halo: float  # phase halo and shade-off
    wall: float  # contrast of the well wall
    wrinkle: float  # amplitude of the floor's texture
    noise: float = 0.8  # of the camera
    streak: int = 0  # rows on top that stabilisation has filled by repeating


@dataclass(frozen=True)
class Faults:
    """What is wrong with the silver truth."""

    quality: float  # SEG against the exact masks; the chances below are raised and lowered to keep it
    edge: float  # boundary error, px
    rough: float  # its change along the outline, px
    thin: float  # strength of smoothing that takes thin processes away, px
    lost: float  # chance that a cell loses its processes altogether
    miss: float  # chance that a cell is not there
    merge: float  # chance that touching cells are one
    false: float  # false objects in a frame


@dataclass(frozen=True)
class Style:
    """Everything that differs between the sequences of a preset."""

    lineage: Lineage
    motion: Motion
    shapes: Shapes
    light: Light
    faults: Faults
    well: tuple[float, float, float]  # radius, centre y, centre x at the full size, px
    dead: int = 2  # dead cells from the start
    specks: int = 26  # small static debris
    floats: float = 0.012  # chance of a new floating piece in a frame


@dataclass(frozen=True)
class Preset:
    """A data set to simulate."""

    name: str
    frames: int
    size: tuple[int, int]
    styles: tuple[Style, ...]
    gold: int  # gold frames a sequence; short movies have a quarter of their frames, but at least 8
    digits: int = 4
    um: float = 0.645
    minutes: float = 5.0
    border: int = 25
    media: tuple[float, ...] = field(default=(322 / 1376, 422 / 1376, 876 / 1376, 909 / 1376))


MUSC_LIGHT_01 = Light(
    means=(146, 139, 132, 126, 120),
    slope=(29, -12),
    curve=-12,
    angle=1.9,
    relief=1.3,
    focus=5.0,
    core=110,
    ring=640,
    halo=0.5,
    wall=34,
    wrinkle=1.8,
    streak=24,
)
MUSC_LIGHT_02 = Light(
    means=(135, 128, 122, 117, 112),
    slope=(3, 11),
    curve=-4,
    angle=5.6,
    relief=3.0,
    focus=2.6,
    core=35,
    ring=480,
    halo=0.4,
    wall=25,
    wrinkle=0.35,
)
MUSC_01 = Style(
    Lineage(1, 912, (92, 92, 94, 114, 90, 87), (85, 100, 113, 120, 138, 148), rest=0.03, death=0.04, most=23),
    Motion(step=11.5, spread=0.38, keep=0.55, apart=21.0, daughters=20.6),
    Shapes(
        body=(390, 460, 540, 680, 1150, 2900),
        reach=(0, 0, 19, 60, 175, 250),
        aspect=(1.05, 1.12, 1.35, 1.7, 2.2, 2.6),
        rough=(0.02, 0.06, 0.13, 0.13, 0.07, 0.05),
    ),
    MUSC_LIGHT_01,
    Faults(0.83, edge=0.55, rough=0.75, thin=1.5, lost=0.09, miss=0.025, merge=0.2, false=0.25),
    well=(484.5, 495, 580),
)
MUSC_02 = Style(
    Lineage(1, 545, (143, 147, 137, 118, 247, 386), (130, 155, 178, 212, 266, 290), rest=0.18, death=0.05, most=22),
    Motion(step=9.0, spread=0.62, keep=0.70, apart=21.0, daughters=21.3),
    Shapes(
        body=(430, 550, 820, 780, 700, 800),
        reach=(0, 4, 70, 168, 290, 390),
        aspect=(1.05, 1.15, 1.5, 2.7, 3.4, 3.8),
        rough=(0.02, 0.05, 0.07, 0.05, 0.04, 0.04),
        width=(5.0, 10.0),
        branch=0.3,
    ),
    MUSC_LIGHT_02,
    Faults(0.78, edge=0.75, rough=0.85, thin=1.5, lost=0.12, miss=0.035, merge=0.2, false=0.25),
    well=(445.7, 530, 534),
)
HSC_SHAPES = Shapes(
    body=(240, 270, 295, 325, 365, 410),
    reach=(0, 0, 0, 0, 5, 9),
    aspect=(1.05, 1.12, 1.2, 1.32, 1.5, 1.7),
    rough=(0.02, 0.02, 0.03, 0.04, 0.05, 0.06),
    varied=0.1,
    branch=0.05,
    mitotic=340,
    newborn=230,
)
HSC_LIGHT = Light(
    (132, 129, 126, 124, 122), (8, -6), -5, 2.2, 1.4, focus=5.0, core=65, ring=600, halo=0.5, wall=16, wrinkle=0.5
)
HSC_FAULTS = Faults(0.87, edge=0.4, rough=0.5, thin=1.0, lost=0.05, miss=0.02, merge=0.1, false=0.2)
HSC = (
    Style(
        Lineage(1, 212, (457,), (430, 457, 478, 489, 520, 540), rest=0.1, death=0.05, most=12),
        Motion(step=4.9, spread=0.3, keep=0.1, apart=14.0, daughters=13.4, cohesion=0.6, jitter=0.4),
        replace(HSC_SHAPES, body=(260, 310, 345, 375, 410, 450), aspect=(1.1, 1.3, 1.5, 1.75, 2.2, 2.5)),
        HSC_LIGHT,
        HSC_FAULTS,
        well=(465, 505, 505),
    ),
    Style(
        Lineage(2, 141, (253,), (220, 253, 281, 313, 350, 380), rest=0.0, death=0.01, most=119),
        Motion(step=3.3, spread=0.25, keep=0.05, apart=15.5, daughters=15.0, cohesion=0.5, jitter=0.3),
        HSC_SHAPES,
        HSC_LIGHT,
        HSC_FAULTS,
        well=(465, 505, 505),
    ),
)
DEMO_SHAPES = Shapes(
    body=(330, 400, 470, 560, 700, 800),
    reach=(0, 0, 14, 44, 80, 100),
    aspect=(1.05, 1.12, 1.35, 1.7, 2.1, 2.4),
    rough=(0.02, 0.05, 0.09, 0.1, 0.1, 0.1),
    width=(5.0, 8.0),
    mitotic=360,
    newborn=280,
)
DEMO = tuple(
    Style(
        Lineage(3, 8, (16, 20), (16, 20, 23, 27, 32, 36), rest=0.15, death=0.05, most=11),
        Motion(step=4.0, spread=0.4, keep=0.6, apart=23.0, daughters=20.0, jump=3.0),
        DEMO_SHAPES,
        light,
        Faults(0.88, edge=0.3, rough=0.35, thin=1.0, lost=0.02, miss=0.012, merge=0.12, false=0.12),
        well=(118, 127, 129),
        dead=1,
        specks=5,
    )
    for light in (
        Light((132, 126, 120), (12, -5), -4, 1.9, 1.4, focus=5.0, core=90, ring=650, halo=0.5, wall=20, wrinkle=0.6),
        Light((126, 120, 115), (3, 6), -3, 5.6, 2.6, focus=3.2, core=35, ring=520, halo=0.45, wall=17, wrinkle=0.4),
    )
)
PRESETS: Registry[Preset] = Registry(
    "preset",
    {
        "musc": Preset("musc", 1376, (1036, 1070), (MUSC_01, MUSC_02), gold=50),
        "hsc": Preset("hsc", 1764, (1010, 1010), HSC, gold=50),
        "demo": Preset("demo", 48, (256, 256), DEMO, gold=12, digits=3, border=0, media=(0.3, 0.7)),
    },
)
