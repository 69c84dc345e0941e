namespace PortForward.Tunnels;

/// <summary>What a refused upgrade says. It takes knowledge of the API server's objects to read it.</summary>
internal enum RefusalMeaning
{
    /// <summary>Nothing about the cause: something between here and the API server has answered.</summary>
    Unknown,

    /// <summary>The server is too old for the transport.</summary>
    NotOffered,

    /// <summary>The API server says in its own words why it refuses.</summary>
    Explained,

    /// <summary>The API server says that the user lacks a right.</summary>
    MissingRight,

    /// <summary>The API server says that the pod does not exist, which no other transport can change.</summary>
    PodIsGone,
}
