# SQLAlchemy: schema, relations, queries, transactions, savepoints, reflection, Core.
import sys
from sqlalchemy import (CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Numeric, String, Table, create_engine,
                        event, func, inspect, select, text)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship

Base = declarative_base()
tags = Table("book_tag", Base.metadata, Column("book", ForeignKey("book.id"), primary_key=True),
             Column("tag", ForeignKey("tag.id"), primary_key=True))


class Author(Base):
    __tablename__ = "author"
    id = Column(Integer, primary_key=True)
    name = Column(String(50), unique=True, nullable=False)
    books = relationship("Book", back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id = Column(Integer, primary_key=True)
    title = Column(String, index=True)
    price = Column(Integer, CheckConstraint("price >= 0"))
    cover = Column(LargeBinary)
    author_id = Column(ForeignKey("author.id"))
    author = relationship("Author", back_populates="books")
    tags = relationship("Tag", secondary=tags, order_by="Tag.word")


class Tag(Base):
    __tablename__ = "tag"
    id = Column(Integer, primary_key=True)
    word = Column(String)


engine = create_engine("sqlite:///alchemy.db")


@event.listens_for(engine, "connect")
def foreign_keys(connection, record):
    connection.execute("PRAGMA foreign_keys = ON")


Base.metadata.create_all(engine)
with Session(engine) as session:
    old, new = Tag(word="old"), Tag(word="new")
    session.add(Author(name="Ada", books=[Book(title="Notes", price=3, tags=[old, new], cover=b"\x00\xff"),
                                          Book(title="Letters", price=5, tags=[old])]))
    session.add(Author(name="Grace", books=[Book(title="Compilers", price=9)]))
    session.commit()
    for author in session.scalars(select(Author).options(joinedload(Author.books)).order_by(Author.name)).unique():
        print(author.name, [(b.title, [t.word for t in b.tags]) for b in author.books])
    print(session.execute(select(Author.name, func.sum(Book.price), func.count()).join(Book).group_by(Author.name)
                          .having(func.count() > 0).order_by(func.sum(Book.price).desc())).all())
    ranked = select(Book.title, func.rank().over(order_by=Book.price.desc()).label("rank")).subquery()
    print(session.execute(select(ranked).order_by(ranked.c.rank)).all())
    with session.begin_nested() as savepoint:
        session.add(Author(name="Nobody"))
        session.flush()
        savepoint.rollback()
    print(session.scalar(select(func.count(Author.id))))
    for bad in (Author(name="Ada"), Book(title="Free", price=-1), Book(title="Orphan", author_id=99)):
        try:
            session.add(bad)
            session.commit()
        except IntegrityError as error:
            print(error.orig)
            session.rollback()
    session.delete(session.scalars(select(Author).where(Author.name == "Ada")).one())
    session.commit()
    print(session.execute(text("SELECT title, cover FROM book")).all(), session.query(Tag).count(),
          session.execute(select(func.count()).select_from(tags)).scalar())

inspector = inspect(engine)
for table in sorted(inspector.get_table_names()):
    print(table, [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
          inspector.get_foreign_keys(table), inspector.get_indexes(table))
with engine.begin() as connection:
    print(connection.execute(text("WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<5)"
                                  " SELECT group_concat(i) FROM n")).scalar())
    try:
        connection.execute(text("SELECT * FROM nowhere"))
    except OperationalError as error:
        print(error.orig)
